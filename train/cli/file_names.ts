import { UsageError } from './flags.ts';

/** Names of devices: whatever their ending or case, Windows opens the device in place of a file. */
const DEVICE = /^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(\..*)?$/i;
const FORBIDDEN = /[<>:"|?*\u0000-\u001f]/;

/**
 * The path of something to be written, as it is. On Windows, refuses names that the system takes for a device, cuts, or
 * does not have.
 *
 * @throws UsageError
 */
export function writable(path: string, platform: NodeJS.Platform = process.platform): string {
  if (platform !== 'win32') return path;
  const names = path.replace(/^[a-z]:/i, '').split(/[\\/]/);
  for (const name of names.filter((each) => !['', '.', '..'].includes(each))) {
    const problem = DEVICE.test(name)
      ? 'is the name of a device on Windows'
      : /[. ]$/.test(name)
      ? 'ends with a dot or a space, which Windows cuts off'
      : FORBIDDEN.test(name)
      ? 'holds a character that Windows has in no name'
      : undefined;
    if (problem !== undefined) throw new UsageError(`${path}: "${name}" ${problem}`, 'choose another name');
  }
  return path;
}
