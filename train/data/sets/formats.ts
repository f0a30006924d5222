/**
 * Files of data sets that are given where something else is expected: what they are, and how they are read, or else the
 * command that makes of them what is expected.
 */
import { shellWord } from '../../log/shell_word.ts';
import { basename } from 'node:path';

/** Layouts of data sets that are read as they are published, as `data.format` names them. */
export const SET_FORMATS = ['list', 'kinetics', 'ucf101', 'hmdb51'] as const;
export type SetFormat = (typeof SET_FORMATS)[number];

/** Where a file was given: as a list of clips, or as the names of classes. */
export type Place = 'list' | 'labels';

/** What a file is given as. */
interface Given {
  readonly format: SetFormat;
  readonly place: Place;
}

interface Format {
  readonly what: string;
  /** How it is read. Where it is given so, what is wrong with it is told line by line. */
  readonly use?: Partial<Given> & Pick<Given, 'place'>;
  /** @param lines of the file, as far as they hold something */
  isIt(lines: readonly string[], file: string): boolean;
  /**
   * Commands of a POSIX shell that make a list or labels.csv of it, where that can be done.
   * @param file its name, quoted for a shell where that is needed
   */
  readonly commands?: { readonly [place in Place]?: (file: string) => string };
  /** What to do if there is no command. */
  readonly advice?: string;
}

/** `Archery/v_Archery_g08_c01.avi` */
const UCF_CLIP = String.raw`\S+/v_\S+_g\d\d_c\d\d\.avi`;
/**
 * `April_09_brush_hair_u_nm_np1_ba_goo_0.avi`: after the class what is seen, camera motion, people, side, quality,
 * number.
 */
const HMDB_CLIP = /_[hulf]_(cm|nm)_np\d+_(fr|ba|le|ri)_(goo|med|bad)_\d+\.avi$/;

const every = (pattern: RegExp) => (lines: readonly string[]) => lines.every((line) => pattern.test(line));
const heads = (pattern: RegExp) => ([first]: readonly string[]) => pattern.test(first);

/** Strips what Windows puts at the end of a line. */
const CR = String.raw`{sub(/\r$/,"")}`;

/** In the order in which they are tried. */
const FORMATS: readonly Format[] = [
  {
    what: "UCF-101's list of test clips, which has no labels",
    isIt: every(new RegExp(`^${UCF_CLIP}$`)),
    use: { format: 'ucf101', place: 'list' },
  },
  {
    what: "UCF-101's list of training clips, whose labels count from 1",
    isIt: every(new RegExp(`^${UCF_CLIP}\\s+[1-9]\\d*$`)),
    use: { format: 'ucf101', place: 'list' },
  },
  {
    what: 'a split of HMDB-51, where 1 is for training, 2 for testing and 0 for neither: it says nothing of classes',
    isIt: (lines, file) => isHmdbSplit(lines) && /_test_split\d\.txt$/.test(file),
    use: { format: 'hmdb51', place: 'list' },
    advice: 'the list is the folder of these files',
  },
  {
    what: 'class names counted from 1, as UCF-101 has them in classInd.txt',
    isIt: (lines) => isCounted(lines, 1),
    use: { format: 'ucf101', place: 'labels' },
  },
  {
    what: 'class names counted from 0, without the header "id,name"',
    isIt: (lines) => isCounted(lines, 0),
    commands: {
      labels: (file) =>
        String
          .raw`tr -d '\r' < ${file} | tr _ ' ' | awk 'BEGIN{print "id,name"} NF{i=$1; sub(/^[0-9]+[ \t]+/,""); print i ",\"" $0 "\""}' > labels.csv`,
    },
  },
  {
    what: 'a table of Kinetics, with the name of a class and the place of a clip in a video on the net',
    isIt: heads(/^"?label"?,"?youtube_id"?(,|$)/),
    use: { format: 'kinetics', place: 'list' },
    advice: 'it needs no labels.csv',
  },
  {
    what: 'a table of Kinetics without labels, as the tables of test clips are',
    isIt: heads(/^"?youtube_id"?,/),
    advice: 'evaluate on the table of validation clips, which has labels',
  },
  {
    what: 'the annotations of Something-Something, in JSON',
    isIt: (lines) => heads(/^\[/)(lines) && lines.slice(0, 20).some((line) => line.includes('"template"')),
    commands: {
      list: (file) =>
        String
          .raw`node -e 'const r=f=>JSON.parse(require("fs").readFileSync(f)),l=r("labels.json");for(const v of r(process.argv[1]))console.log(v.id+".webm",l[v.template.replace(/[\[\]]/g,"")])' ${file} > list.txt`,
    },
  },
  {
    what: 'JSON',
    isIt: heads(/^[[{]/),
    advice: 'make lines of it',
    commands: {
      labels: (file) =>
        String
          .raw`node -e 'let v=JSON.parse(require("fs").readFileSync(process.argv[1]));if(!Array.isArray(v))v=Object.keys(v).sort((a,b)=>v[a]-v[b]);console.log("id,name");v.forEach((n,i)=>console.log(i+",\""+n.replace(/"/g,"")+"\""))' ${file} > labels.csv`,
    },
  },
  {
    what: 'a list of folders with single frames, their number and a label, as MMAction2 has',
    isIt: (lines) => every(/^\S+\s+\d+\s+\d+$/)(lines) && !every(/\.\w+\s+\d+\s+\d+$/)(lines),
    advice: 'Firstlight reads videos: the command takes one that lies beside each folder',
    commands: { list: (file) => `awk '${CR} {print $1 ".mp4", $3}' ${file} > list.txt` },
  },
  {
    what: 'labels.csv, the names of classes',
    use: { place: 'labels' },
    isIt: heads(/^id,name$/),
  },
  {
    what: 'a list of clips',
    use: { format: 'list', place: 'list' },
    isIt: every(/\.\w{2,4}\s+\d+$/),
  },
  {
    what: 'a list whose values are separated by "," or ";"',
    isIt: every(/^[^,;]+\.\w{2,4}\s*[,;]\s*\d+$/),
    commands: { list: (file) => String.raw`awk -F '[ ]*[,;][ ]*' '${CR} {print $1, $2}' ${file} > list.txt` },
  },
  {
    what: 'a table with ids and names under another header',
    isIt: (lines) => !/^\d/.test(lines[0]) && lines.length > 1 && every(/^\d+,/)(lines.slice(1)),
    commands: { labels: (file) => `sed '1s/.*/id,name/' ${file} > labels.csv` },
    advice: 'it names classes, not clips',
  },
  {
    what: 'a table with names of columns',
    isIt: heads(/^"?[A-Za-z_ ]+"?([,;\t]"?[A-Za-z_ ]+"?){2,}$/),
    advice: 'make a line "path label" of each row',
  },
  {
    what: 'names, one a line',
    isIt: (lines) => lines.every((line) => !/[,;\t]|\.\w{2,4}\b/.test(line) && !/^\d+$/.test(line)),
    commands: {
      labels: (file) => `awk 'BEGIN{print "id,name"} ${CR} NF{print n++ ",\\"" $0 "\\""}' ${file} > labels.csv`,
    },
    advice: 'a line ends with the number of its class',
  },
];

/** Lines of a file that are looked at. */
const LOOKED_AT = 1000;
/** Letters of a line of any of these formats; of longer ones the expressions above would take their time. */
const LONGEST = 500;

/** What is expected, by format and place. */
const WANTED: Readonly<Record<SetFormat, Readonly<Record<Place, string>>>> = {
  list: { list: 'a list with a line "path label" for each clip', labels: '"id,name" and a line for each class' },
  kinetics: { list: 'a table with the columns label, youtube_id, time_start and time_end',
    labels: '"id,name" and a line for each class' },
  ucf101: { list: 'a line "Class/clip.avi" or "Class/clip.avi 1" for each clip',
    labels: 'a line "1 Class" for each class, counted from 1' },
  hmdb51: { list: 'lines "clip.avi 1" in a file CLASS_test_split1.txt for each class',
    labels: '"id,name" and a line for each class' },
};

/** Says what a file is that could not be read, and what to do about it; undefined if nobody knows. */
export function foreign(lines: readonly string[], file: string, given: Given): string | undefined {
  if (lines.length === 0) return undefined;
  const looked = lines.slice(0, LOOKED_AT);
  if (looked.some(({ length }) => length > LONGEST)) return undefined;
  const format = FORMATS.find((known) => known.isIt(looked, file) && !isGivenSo(known, given));
  if (format === undefined) return undefined;
  const command = given.format === 'list' ? format.commands?.[given.place]?.(shellWord(basename(file))) : undefined;
  return [`is ${format.what}`, `expected ${WANTED[given.format][given.place]}`,
    ...(command === undefined ? [] : [`convert it: ${command}`]),
    ...(format.use === undefined ? [] : [remedy(format.use, given)]),
    ...(format.advice === undefined ? [] : [format.advice])].join('; ');
}

const isGivenSo = ({ use }: Format, { format, place }: Given) =>
  use !== undefined && (use.format ?? format) === format && use.place === place;

/** The keys with which a file is read. */
function remedy({ format, place }: NonNullable<Format['use']>, given: Given): string {
  const key = place === 'labels' ? 'data.labels' : 'data.train or data.val';
  return [...((format ?? given.format) === given.format ? [] : [`set data.format: ${format}`]),
    ...(place === given.place ? [] : [`give it as ${key}`])].join(', and ');
}

/** The command that takes 1 from every label. */
export function fromOne(file: string): string {
  return String.raw`awk '{sub(/[ \t\r]+$/,""); l=$NF; sub(/[^ \t]+$/,""); print $0 (l-1)}' ${file} > from_0.txt`;
}

/** Whether all lines have names as HMDB-51's clips, and labels that could be the codes of its splits. */
export function isHmdbSplit(lines: readonly string[]): boolean {
  return lines.every((line) => /\s[012]$/.test(line) && HMDB_CLIP.test(line.replace(/\s+\d$/, '')));
}

/** Whether lines are a number and a name each, numbered from `first` without a gap. */
function isCounted(lines: readonly string[], first: number): boolean {
  return lines.every((line, i) => new RegExp(`^${i + first}[ \\t]+\\S`).test(line))
    && lines.some((line) => !/\s\d+$/.test(line));
}
