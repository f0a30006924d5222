/** The rooms as a module that loads each of them when it is asked for. */
import { rooms } from '../../kernels/index.ts';

const NAME = 'virtual:rooms';
const RESOLVED = '\0virtual:rooms';

/**
 * A plugin for Vite: `import { rooms } from 'virtual:rooms'` gives, by name, functions that load the room's cases. Made
 * of kernels/index.ts, so that a new room needs no line here, and a page loads the room that it is of, and no other.
 *
 * @param root of the project
 */
export function roomsModule(root: string) {
  return {
    name: 'firstlight-rooms',
    resolveId: (id: string): string | undefined => (id === NAME ? RESOLVED : undefined),
    load(id: string): string | undefined {
      if (id !== RESOLVED) return undefined;
      const lines = rooms.map(({ name }) => `  ${name}: () => import('${root}/kernels/${name}/cases.ts'),`);
      return `export const rooms = {\n${lines.join('\n')}\n};\n`;
    },
  };
}
