/** What came of decoding a file whole. */
export type Tried =
  | { readonly frames: number; readonly width: number; readonly height: number }
  | {
    readonly problem: string;
    readonly hint?: string;
    /** It may be another time: the file could not be opened, or its process ended. */
    readonly isPassing?: boolean;
  };
