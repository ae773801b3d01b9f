import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { Locale } from './locale';

/** What every part of the page speaks with. */
export interface IPage {
  trans: TranslationBundle;
  locale: Locale;
}

const Page = React.createContext<IPage | null>(null);

export const PageProvider = Page.Provider;

/** The language of the page that a component stands in. */
export function usePage(): IPage {
  const page = React.useContext(Page);
  if (page === null) {
    throw new Error('A component stands outside its page.');
  }
  return page;
}
