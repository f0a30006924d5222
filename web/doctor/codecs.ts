/** Which videos this browser can decode frame by frame, by WebCodecs. */

/** Profiles that cameras and libraries write, at a small size. */
export const CODECS: Readonly<Record<string, { readonly name: string; readonly codec: string }>> = {
  avc1: { name: 'H.264', codec: 'avc1.42E01E' },
  hvc1: { name: 'H.265', codec: 'hvc1.1.6.L93.B0' },
  vp09: { name: 'VP9', codec: 'vp09.00.10.08' },
  av01: { name: 'AV1', codec: 'av01.0.04M.08' },
};

/** By the name of its codec; undefined where the browser has no WebCodecs. */
export async function decodable(): Promise<Readonly<Record<string, boolean>> | undefined> {
  if (typeof VideoDecoder === 'undefined') return undefined;
  const answers = Object.entries(CODECS).map(async ([name, { codec }]) => {
    // a browser may refuse to think about a codec that it does not know
    const support = await VideoDecoder.isConfigSupported({ codec, codedWidth: 320, codedHeight: 240 })
      .catch(() => undefined);
    return [name, support?.supported === true] as const;
  });
  return Object.fromEntries(await Promise.all(answers));
}
