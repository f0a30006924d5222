/** Endings of the files that are taken for videos where a folder is looked through. */
export const VIDEO_ENDING = /\.(mp4|m4v|mov|webm|mkv|avi|mpe?g|vob|ts|m2ts|mts|flv|wmv|asf|ogv|gif)$/i;
