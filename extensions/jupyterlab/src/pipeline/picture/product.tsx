import { TranslationBundle } from '@jupyterlab/translation';
import { LabIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import { usePage } from '../../page';
import { ILabProduct } from '../../records';
import { freshIcon, waitingIcon, warningIcon } from '../icons';

export type ProductState = ILabProduct['state'];

const SIGNS: { [state in ProductState]: { icon: LabIcon; tone: 'good' | 'warn' } } = {
  there: { icon: freshIcon, tone: 'good' },
  missing: { icon: waitingIcon, tone: 'warn' },
  edited: { icon: warningIcon, tone: 'warn' }
};

export const productIcon = (state: ProductState): LabIcon => SIGNS[state].icon;
export const productTone = (state: ProductState): string => SIGNS[state].tone;

/** The state of a product in the page's language: as a word, for a card, and in full. */
export function productWords(state: ProductState, trans: TranslationBundle): { word: string; full: string } {
  const words = {
    there: { word: trans.__('there'), full: trans.__('there') },
    missing: { word: trans.__('missing'), full: trans.__('missing') },
    edited: { word: trans.__('edited'), full: trans.__('edited by hand') }
  };
  return words[state];
}

/** The state of a product as icon and words. */
export function ProductBadge({ state }: { state: ProductState }): JSX.Element {
  const { trans } = usePage();
  const Icon = productIcon(state);
  return (
    <span className="rw-state" data-tone={productTone(state)} data-state={state}>
      <Icon.react tag="span" className="rw-icon" aria-hidden="true" />
      <span>{productWords(state, trans).full}</span>
    </span>
  );
}
