/** Preloaded into npm and the scripts that it runs: no host is found but those in `ALLOWED_HOSTS`; the others are written down. */
import dns from 'node:dns';
import { appendFileSync } from 'node:fs';

const { ALLOWED_HOSTS, REFUSED_HOSTS } = process.env;
const allowed = ALLOWED_HOSTS.split(',');
const { lookup } = dns;

dns.lookup = (host, ...rest) => {
  if (allowed.includes(host)) return lookup(host, ...rest);
  appendFileSync(REFUSED_HOSTS, `${host}\n`);
  process.nextTick(
    rest.at(-1),
    Object.assign(new Error(`no host is found but the registry: ${host}`), { code: 'ENOTFOUND' }),
  );
};
