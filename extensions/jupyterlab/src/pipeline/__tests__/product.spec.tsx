import { nullTranslator } from '@jupyterlab/translation';
import * as React from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { Locale } from '../../locale';
import { PageProvider } from '../../page';
import { Graph } from '../picture/graph';
import { layout } from '../picture/layout';
import { TaskTable } from '../picture/table';
import { task } from './tasks';

const page = { trans: nullTranslator.load('roadworthy'), locale: new Locale('en') };
const nothing = () => undefined;

function shown(element: JSX.Element): string {
  return renderToStaticMarkup(<PageProvider value={page}>{element}</PageProvider>);
}

test('a product is shown with its state in picture and table, and opened where it is there', () => {
  const products = (['there', 'missing', 'edited'] as const).map(state => ({
    path: `out/${state}.csv`,
    state
  }));
  const made = task('train', [], { products });
  const graph = shown(
    <Graph layout={layout([made], true)} withProducts zoom={1} current="" onOpen={nothing} />
  );
  for (const words of ['there.csv · there', 'missing.csv · missing', 'edited.csv · edited']) {
    expect(graph).toContain(`>${words}<`);
  }
  expect(graph).toContain('<title>out/edited.csv: edited by hand</title>');
  const table = shown(<TaskTable tasks={[made]} onOpen={nothing} />);
  expect(table).toMatch(/<button[^>]*>there.csv<\/button> <span[^>]*data-state="there"/);
  expect(table).toMatch(/<button[^>]*>edited.csv<\/button>.*<span>edited by hand<\/span>/);
  expect(table).toMatch(/<span title="out\/missing.csv">missing.csv<\/span>/);
});
