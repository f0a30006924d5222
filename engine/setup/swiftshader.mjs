/**
 * SwiftShader, the software Vulkan driver that the package @sparticuz/chromium carries, with a Vulkan loader beside it.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';

const DRIVER = 'libvk_swiftshader.so';
const LOADER = 'libvulkan.so.1';
const BLOCK = 512;

/** The archive, or undefined where the package is not installed. */
function archivePath() {
  try {
    // the package exports its entry only, which stands beside the folder of archives
    return join(dirname(createRequire(import.meta.url).resolve('@sparticuz/chromium')), '..', '..', 'bin',
      'swiftshader.tar.br');
  } catch {
    return undefined;
  }
}

/**
 * The files of a tar archive (POSIX ustar: blocks of 512 bytes, a header block before each file), by name. Throws if it
 * is cut. @param {Buffer} archive @returns {Map<string, Buffer>}
 */
export function untar(archive) {
  const files = new Map();
  for (let at = 0; at + BLOCK <= archive.length && archive[at] !== 0;) {
    const field = (start, length) =>
      archive.toString('latin1', at + start, at + start + length).replace(/\0.*$/s, '').trim();
    const size = Number.parseInt(field(124, 12) || '0', 8);
    if (!(size >= 0) || at + BLOCK + size > archive.length) {
      throw new Error(`the archive is cut or broken at byte ${at}`);
    }
    if (field(156, 1) === '0' || field(156, 1) === '') {
      files.set(field(0, 100), archive.subarray(at + BLOCK, at + BLOCK + size));
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}

/**
 * Fills `folder` with SwiftShader: lib/ and the driver's manifest. `home` is where the folder will stand in the end.
 */
export async function unpackSwiftShader(folder, home) {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      `the SwiftShader that npm carries is for Linux on x64, this is ${process.platform} on ${process.arch}`,
    );
  }
  const path = archivePath();
  if (path === undefined) {
    throw new Error('the optional package @sparticuz/chromium, which carries SwiftShader, is not installed');
  }
  const files = untar(await promisify(brotliDecompress)(await readFile(path)));
  // the loader stands alone in a folder too: it serves other drivers where the system has none
  for (const [place, name] of [['lib', DRIVER], ['lib', LOADER], ['loader', LOADER]]) {
    const content = files.get(name);
    if (content === undefined) throw new Error(`${path} holds no ${name}`);
    await mkdir(join(folder, place), { recursive: true });
    await writeFile(join(folder, place, name), content, { mode: 0o755 });
  }
  const manifest = { file_format_version: '1.0.0',
    ICD: { library_path: join(home, 'lib', DRIVER), api_version: '1.0.5' } };
  await writeFile(join(folder, 'vk_swiftshader_icd.json'), JSON.stringify(manifest, null, 2));
  return { manifest: 'vk_swiftshader_icd.json', libraries: [DRIVER, LOADER] };
}
