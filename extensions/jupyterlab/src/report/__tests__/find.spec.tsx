import React from 'react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';

import { Speaking, wordsOf } from '../../words';
import { columnsOf } from '../columns';
import { ProfileView } from '../profile';
import { ColumnTable } from '../table';
import { found, reading } from './examples';

function shown(element: JSX.Element): HTMLElement {
  const host = document.createElement('div');
  document.body.append(host);
  flushSync(() => createRoot(host).render(<Speaking words={wordsOf(null)}>{element}</Speaking>));
  return host;
}

const sketch = { kind: 'number', rows: 9, missing: 0, distinct: 2, mean: 1, sd: 1 } as const;
const sketched = ['temp', 'wind'].map(name => ({ ...sketch, name, quantiles: {}, frequent: {}, bars: [] }));
const told = found(5, [reading('temp'), reading('wind')]);
const judged = columnsOf(told, [told]);

it.each([
  ['a profile', 'column', <ProfileView key="" name="a" columns={sketched} />],
  ['a report', 'column or measure', <ColumnTable key="" columns={judged} windows={1} />]
])('the columns of %s are found by name', (_, what, element) => {
  const host = shown(element);
  const field = host.querySelector<HTMLInputElement>('input[type=search]');
  expect([field?.placeholder, field?.autocomplete, field?.closest('label')?.textContent]).toEqual([
    what,
    'off',
    'Find '
  ]);
  const names = () => [...host.querySelectorAll('.rw-opener')].map(one => one.textContent);
  expect(names()).toEqual(['temp', 'wind']);
  const write = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set;
  flushSync(() => {
    write?.call(field, 'win');
    field?.dispatchEvent(new Event('input', { bubbles: true }));
  });
  expect(names()).toEqual(['wind']);
});
