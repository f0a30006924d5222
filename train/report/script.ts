/**
 * What a report does in a browser: finds and sorts classes, and says what the matrix shows under the pointer. The text
 * is the same for every run. It takes names from the page, where they are escaped, and gives them back as text alone;
 * the page's policy lets no other script run.
 */
export const SCRIPT = `'use strict';
(() => {
  const section = document.getElementById('classes');
  const plain = (text) => text.normalize('NFKD').replace(/\\p{M}/gu, '').toLowerCase();
  const classes = [...section.querySelectorAll('.by-class tbody tr')];
  const pairs = [...section.querySelectorAll('.pairs tbody tr')];
  const name = (row) => row.cells[0].textContent;
  const names = new Map(classes.map((row) => [row.dataset.id, name(row)]));

  const label = section.querySelector('.search');
  const input = label.querySelector('input');
  const found = label.querySelector('output');
  const keys = new Map(classes.map((row) => [row, plain(name(row))]));
  for (const row of pairs) keys.set(row, plain(name(row) + '\\n' + (row.cells[1] ? row.cells[1].textContent : '')));
  label.hidden = false;
  input.addEventListener('input', () => {
    const wanted = plain(input.value.trim());
    for (const [row, key] of keys) row.hidden = !key.includes(wanted);
    const left = classes.filter((row) => !row.hidden).length;
    found.textContent = wanted === '' ? '' : left + ' of ' + classes.length + ' classes';
  });

  const order = new Intl.Collator('en', { numeric: true });
  for (const head of section.querySelectorAll('[data-sort]')) {
    const by = head.dataset.sort;
    const compare = by === 'name'
      ? (a, b) => order.compare(name(a), name(b))
      : (a, b) => Number(a.dataset[by]) - Number(b.dataset[by]);
    const button = document.createElement('button');
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => {
      const down = head.getAttribute('aria-sort') === 'ascending';
      for (const other of section.querySelectorAll('[aria-sort]')) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      classes.sort((a, b) => (down ? compare(b, a) : compare(a, b)));
      classes[0].parentNode.append(...classes);
    });
  }

  const matrix = section.querySelector('.matrix');
  if (matrix === null) return;
  const ids = matrix.dataset.order.split(' ');
  const clips = new Map(matrix.dataset.cells.split(' ').map((cell) => {
    const [row, column, count] = cell.split(',').map(Number);
    return [row * ids.length + column, count];
  }));
  const picture = matrix.querySelector('svg');
  const readout = matrix.querySelector('.readout');
  readout.textContent = 'Point at a dot to read it.';
  const reach = Math.ceil(ids.length / 160);
  picture.addEventListener('pointermove', (event) => {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(picture.getScreenCTM().inverse());
    const at = (along) => Math.floor((along / 480) * ids.length);
    const [row, column] = [at(point.y), at(point.x)];
    let best;
    for (let r = row - reach; r <= row + reach; r++) {
      for (let c = column - reach; c <= column + reach; c++) {
        if (r < 0 || c < 0 || r >= ids.length || c >= ids.length) continue;
        const count = clips.get(r * ids.length + c);
        const far = Math.hypot(r - row, c - column);
        if (count !== undefined && (best === undefined || far < best.far)) best = { r, c, count, far };
      }
    }
    if (best === undefined) return;
    const [truth, guess] = [best.r, best.c].map((place) => {
      const own = document.createElement('bdi'); // whatever the direction of its writing
      own.textContent = names.get(ids[place]);
      return own;
    });
    readout.replaceChildren(truth, ' \\u2192 ', guess, ': ' + best.count + (best.count === 1 ? ' clip' : ' clips'));
  });
})();
`;
