import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import ts from 'typescript';
import { repository, textOf } from '../architecture/source-files.ts';
import { declarationOf, exportedRooms, publicNames } from './public-names.ts';

/** An example in the documentation of the package. */
export interface Example {
  readonly room: string;
  /** The exported name, and for a method of a class `Class.method`. */
  readonly name: string;
  /** The file that it stands in. */
  readonly from: string;
  readonly code: string;
}

/** What an example says of a value: the number, text, list or record in the comment behind a statement. */
interface Claim {
  readonly expression: string;
  readonly claimed: string;
  /** Where the statement ends, and what its check is put in place of. */
  readonly end: number;
  readonly start: number | undefined;
}

/** A block of code in a page, between fences. */
export interface PageBlock {
  readonly page: string;
  readonly line: number;
  readonly language: string;
  readonly code: string;
}

/** The pages that a reader of the repository finds. */
export const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'data/README.md',
  ...readdirSync(join(repository, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** All blocks of code in all pages. */
export function pageBlocks(): PageBlock[] {
  return pages.flatMap((page) => {
    const text = textOf(page);
    return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map((match) => ({
      page,
      line: text.slice(0, match.index).split('\n').length,
      language: match[1],
      code: match[2],
    }));
  });
}

/** Every `@example` of a name that `exports/` passes on, and the TypeScript of all pages. */
export function collectExamples(): Example[] {
  const blocks = pageBlocks().filter(({ language }) => language === 'ts');
  return [
    ...blocks.map(({ page, code }) => ({
      room: 'pages',
      name: basename(page, '.md'),
      from: page,
      code: code.replaceAll(/from '(\.\.?\/)/g, `from '${repository}/src/objectives/$1`),
    })),
    ...documentedExamples(),
  ];
}

function documentedExamples(): Example[] {
  return exportedRooms.flatMap((room) =>
    publicNames(room)
      .filter(({ from }) => existsSync(join(repository, from)))
      .flatMap((publicName) => {
        const declaration = declarationOf(publicName);
        if (declaration === undefined) return [];
        const { name, from } = publicName;
        const members = ts.isClassDeclaration(declaration) ? [...declaration.members] : [];
        return [
          ...blocksOf(declaration).map((code) => ({ room, name, from, code })),
          ...members.flatMap((member) =>
            blocksOf(member).map((code) => ({ room, name: `${name}.${member.name?.getText()}`, from, code })),
          ),
        ];
      }),
  );
}

function blocksOf(node: ts.Node): string[] {
  const tags = ts.getJSDocTags(node).filter(({ tagName }) => tagName.text === 'example');
  return tags.map(({ comment }) => ts.getTextOfJSDocComment(comment)?.trim() ?? '');
}

/**
 * An example as a module of its own. The first line imports what it uses of the package and tfjs; the others are the
 * example's own, each claim followed by its check: `sum(1, 2); // 3` becomes `claim(sum(1, 2), "3");`.
 */
export function moduleOf({ code }: Example): string {
  const syntax = ts.createSourceFile('example.ts', code, ts.ScriptTarget.Latest, true);
  const names = freeNames(syntax);
  const imports = exportedRooms.flatMap((room) => {
    const used = publicNames(room).filter(({ name }) => names.delete(name));
    const words = used.map(({ name, typeOnly }) => (typeOnly ? `type ${name}` : name));
    return words.length === 0 ? [] : [`import { ${words.join(', ')} } from 'pointpair/${room}';`];
  });
  if (names.has('tf')) imports.push("import * as tf from '@tensorflow/tfjs-core';");
  const checked = claimsOf(syntax).reduceRight((text, { expression, claimed, start, end }) => {
    const check = `claim(${expression}, ${JSON.stringify(claimed)});`;
    return `${text.slice(0, start ?? end)} ${check}${text.slice(end)}`;
  }, code);
  return `import { claim } from './claim.ts'; ${imports.join(' ')}\n${checked}\nexport {};\n`;
}

/** The claims of an example, in their order: comments behind an expression, or behind the declaration of one name. */
function claimsOf(syntax: ts.SourceFile): Claim[] {
  const text = syntax.text;
  return [...syntax.statements].flatMap((statement): Claim[] => {
    const [comment] = ts.getTrailingCommentRanges(text, statement.end) ?? [];
    if (comment === undefined) return [];
    const claimed = text.slice(comment.pos + 2, comment.end).trim();
    if (ts.isExpressionStatement(statement)) {
      const start = statement.getStart();
      return [{ expression: statement.expression.getText(), claimed, start, end: statement.end }];
    }
    const name = ts.isVariableStatement(statement) && statement.declarationList.declarations.at(-1)?.name;
    if (!name || !ts.isIdentifier(name)) throw new Error(`a comment that is said of no value: ${claimed}`);
    return [{ expression: name.text, claimed, start: undefined, end: statement.end }];
  });
}

/** The names that an example uses and does not declare; those of properties are none. */
function freeNames(syntax: ts.SourceFile): Set<string> {
  const used = new Set<string>();
  const declared = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) {
      const { parent } = node;
      const isProperty =
        (ts.isPropertyAccessExpression(parent) && parent.name === node) ||
        (ts.isQualifiedName(parent) && parent.right === node) ||
        (ts.isPropertyAssignment(parent) && parent.name === node) ||
        (ts.isBindingElement(parent) && parent.propertyName === node);
      const isDeclared =
        (ts.isVariableDeclaration(parent) ||
          ts.isBindingElement(parent) ||
          ts.isParameter(parent) ||
          ts.isFunctionDeclaration(parent) ||
          ts.isImportSpecifier(parent) ||
          ts.isNamespaceImport(parent)) &&
        parent.name === node;
      if (isDeclared) declared.add(node.text);
      else if (!isProperty) used.add(node.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(syntax);
  return new Set([...used].filter((name) => !declared.has(name)));
}
