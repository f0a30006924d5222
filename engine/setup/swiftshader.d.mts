/** The files of a tar archive, by name. Throws if it is cut. */
export function untar(archive: Buffer): Map<string, Buffer>;
