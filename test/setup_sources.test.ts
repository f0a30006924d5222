import { test } from './test.ts';
import * as assert from './assert.ts';
import { distributionSources, sourceList } from '../engine/setup/debian.mjs';

const deb822 = `# written by the installer
Types: deb deb-src
URIs: http://deb.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://deb.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
`;

test('both formats of apt give the same archives', () => {
  const oneLine = `# deb http://commented.example/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.example/debian bookworm main contrib # ours
deb-src http://deb.example/debian bookworm main
`;
  const [fromLine] = distributionSources([{ name: '/etc/apt/sources.list', text: oneLine }], 'bookworm');
  const [fromStanza] = distributionSources([{ name: 'debian.sources', text: deb822 }], 'bookworm');
  assert.equal(fromLine, { ...fromStanza, suites: ['bookworm'] });
});

test('disabled, foreign and source-only entries are left out', () => {
  const foreign = `deb [signed-by=/usr/share/keyrings/nodesource.gpg] http://node.example/node_20.x bookworm main
deb http://docker.example/linux/debian bookworm stable
deb cdrom:[Debian]/ bookworm main
`;
  const found = distributionSources([{ name: 'a.list', text: foreign }, { name: 'debian.sources', text: deb822 }],
    'bookworm');
  assert.equal(found.map(({ uri }) => uri), ['http://deb.example/debian', 'http://deb.example/debian-security']);
});

test('on Debian the backports of the same archive join the list, with its keys', () => {
  const sources = distributionSources([{ name: 'debian.sources', text: deb822 }], 'bookworm');
  const stanza = sourceList(sources, 'bookworm', 'debian').split('\n\n').at(-1);
  assert.is(stanza,
    'Types: deb\nURIs: http://deb.example/debian\nSuites: bookworm-backports\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg');
  assert.not.match(sourceList(sources, 'bookworm', 'ubuntu'), 'backports');
});

test('a key that stands in the entry itself is kept line by line', () => {
  const text = `Types: deb
URIs: http://deb.example/debian
Suites: bookworm
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBF
 -----END PGP PUBLIC KEY BLOCK-----
`;
  const list = sourceList(distributionSources([{ name: 'debian.sources', text }], 'bookworm'), 'bookworm', 'ubuntu');
  assert.match(list, 'Signed-By: \n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n -----END');
});

test.run();
