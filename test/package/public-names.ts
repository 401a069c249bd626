import { dirname, join } from 'node:path';
import ts from 'typescript';
import { syntaxOf, typescriptFiles } from '../architecture/source-files.ts';

/** The rooms of the package: a file in `exports/` each. */
export const exportedRooms = typescriptFiles('exports').map((path) =>
  path.slice('exports/'.length, -'.ts'.length),
);

/** One name that a file in `exports/` passes on, and the file that it comes from. */
export interface PublicName {
  readonly name: string;
  readonly from: string;
  readonly typeOnly: boolean;
}

/** The names that a room passes on. Throws where its file has more than re-exports by name. */
export function publicNames(room: string): PublicName[] {
  const path = `exports/${room}.ts`;
  return syntaxOf(path).statements.flatMap((statement) => {
    if (!ts.isExportDeclaration(statement)) throw new Error(`${path} has more than re-exports`);
    const { exportClause, moduleSpecifier, isTypeOnly } = statement;
    if (exportClause === undefined || !ts.isNamedExports(exportClause)) throw new Error(`${path}: export *`);
    const from = join(dirname(path), (moduleSpecifier as ts.StringLiteral).text);
    return exportClause.elements.map((element) => ({
      name: element.name.text,
      from,
      typeOnly: isTypeOnly || element.isTypeOnly,
    }));
  });
}

/** The statement of a file that declares a name. */
export function declarationOf({ name, from }: PublicName): ts.Statement | undefined {
  return syntaxOf(from).statements.find((statement) =>
    ts.isVariableStatement(statement)
      ? statement.declarationList.declarations.some((declaration) => declaration.name.getText() === name)
      : 'name' in statement && (statement.name as ts.Identifier | undefined)?.text === name,
  );
}
