/**
 * Makes a drawing one picture for who cannot see it: a name, and nothing else. Plot names its groups of marks, which
 * have no role that could have a name.
 */
export function asPicture<T extends Element>(figure: T, label: string): T {
  for (const group of figure.querySelectorAll('[aria-label]')) group.removeAttribute('aria-label');
  figure.setAttribute('role', 'img');
  figure.setAttribute('aria-label', label);
  return figure;
}
