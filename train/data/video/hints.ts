/** What to do about a video that is not read. */
export const DAMAGE_HINT = 'fetch or convert the file again, or take it out of the list';
export const KIND_HINT = 'give a video file: mp4, mov, webm, mkv, avi, ts, mpg, flv, wmv, ogv or gif';
export const CONVERT_HINT = 'convert it, for example: ffmpeg -i FILE -pix_fmt yuv420p NEW.mp4';
