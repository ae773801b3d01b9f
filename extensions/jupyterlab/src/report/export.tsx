import React from 'react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';

import { IWords } from '../words';
import { Boundary } from './content';
import { IContent } from './parse';
import { Still } from './still';
import { ReportView } from './view';

const VARIABLE = /var\((--jp-[\w-]+)/g;

/** The report as a page of its own: no script, no address of anything else, every column opened. */
export function toPage(content: IContent, words: IWords): string {
  const write = (node: Node) => new XMLSerializer().serializeToString(node); // which turns data's signs into entities
  return [
    '<!doctype html>',
    `<html lang="${words.figures.language ?? 'en'}">`,
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    `<title>${write(document.createTextNode(nameOf(content, words)))}</title>`,
    `<style>${styles()}</style>`,
    '</head>',
    `<body>${write(drawn(content, words))}</body>`,
    '</html>'
  ].join('\n');
}

/** Hand a page to the reader as a file. */
export function download(page: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(page);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export function downloadPage(content: IContent, words: IWords): void {
  const page = new Blob([toPage(content, words)], { type: 'text/html' });
  download(page, `${nameOf(content, words)}.html`.replace(/[\\/:*?"<>|]+/g, ' '));
}

function nameOf(content: IContent, { figures }: IWords): string {
  return content.told ? `${content.project} ${figures.window(content.told.window)}` : content.project;
}

function drawn(content: IContent, words: IWords): HTMLElement {
  const host = document.createElement('div');
  host.className = 'rw-report rw-sheet';
  const root = createRoot(host);
  flushSync(() =>
    root.render(
      <Boundary words={words}>
        <Still.Provider value={true}>
          <ReportView content={content} />
        </Still.Provider>
      </Boundary>
    )
  );
  const made = host.cloneNode(true) as HTMLElement;
  root.unmount();
  return made;
}

/** Our own rules, and the colours of the present theme that they use. */
function styles(): string {
  const rules: string[] = [];
  for (const sheet of Array.from(document.styleSheets)) {
    let known: CSSRule[] = [];
    try {
      known = Array.from(sheet.cssRules);
    } catch {
      continue; // of another origin: not ours
    }
    rules.push(...known.map(rule => rule.cssText).filter(rule => rule.includes('.rw-')));
  }
  const written = rules.join('\n');
  const theme = getComputedStyle(document.body);
  const names = [...new Set([...written.matchAll(VARIABLE)].map(match => match[1]))];
  const values = names.map(name => `${name}: ${theme.getPropertyValue(name).trim()};`);
  return `:root { ${values.join(' ')} }\nbody { margin: 0; background: var(--jp-layout-color1); }\n${written}`;
}
