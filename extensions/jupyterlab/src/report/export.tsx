import React from 'react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';

import { IProfileColumn } from '../records';
import { IWords } from '../words';
import { Boundary } from './content';
import { IContent } from './parse';
import { ProfileView } from './profile';
import { Still } from './still';
import { ReportView } from './view';

const VARIABLE = /var\((--jp-[\w-]+)/g;

/** The report as a page of its own. */
export function toPage(content: IContent, words: IWords): string {
  return pageOf(nameOf(content, words), <ReportView content={content} />, words);
}

/** A profile as a page of its own. */
export function profileToPage(name: string, columns: readonly IProfileColumn[], words: IWords): string {
  return pageOf(name, <ProfileView name={name} columns={columns} />, words);
}

/** A page without script and without an address of anything else, every column opened. */
function pageOf(title: string, drawing: JSX.Element, words: IWords): string {
  const write = (node: Node) => new XMLSerializer().serializeToString(node); // which turns data's signs into entities
  return [
    '<!doctype html>',
    `<html lang="${words.figures.language ?? 'en'}">`,
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    `<title>${write(document.createTextNode(title))}</title>`,
    `<style>${styles()}</style>`,
    '</head>',
    `<body>${write(drawn(drawing, words))}</body>`,
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
  downloadText(toPage(content, words), nameOf(content, words));
}

export function downloadProfile(name: string, columns: readonly IProfileColumn[], words: IWords): void {
  downloadText(profileToPage(name, columns, words), name.replace(/\.profile\.bin$/, ''));
}

function downloadText(page: string, name: string): void {
  download(new Blob([page], { type: 'text/html' }), `${name}.html`.replace(/[\\/:*?"<>|]+/g, ' '));
}

function nameOf(content: IContent, { figures }: IWords): string {
  return content.told ? `${content.project} ${figures.window(content.told.window)}` : content.project;
}

function drawn(drawing: JSX.Element, words: IWords): HTMLElement {
  const host = document.createElement('main');
  host.className = 'rw-report rw-sheet';
  const root = createRoot(host);
  flushSync(() =>
    root.render(
      <Boundary words={words}>
        <Still.Provider value={true}>{drawing}</Still.Provider>
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
