import { TranslationBundle } from '@jupyterlab/translation';
import { ILabParameter } from '../../records';

/** What stands in a field of the form; null stands for Python's None. */
export type Written = string | boolean | null;

/** A field's value, or what is wrong with it. */
export type Checked = { value: unknown; error?: undefined } | { value?: undefined; error: string };

/** How a value stands in its field. */
export function written(parameter: ILabParameter, value: unknown): Written {
  if (value === null || value === undefined) {
    return parameter.optional ? null : parameter.type === 'boolean' ? false : '';
  }
  if (parameter.type === 'boolean') {
    return value === true;
  }
  if (parameter.type === 'choice') {
    return parameter.choices.find(choice => literal(choice) === value) ?? String(value);
  }
  return typeof value === 'string' && parameter.type !== 'other' ? value : JSON.stringify(value);
}

/** Whether pipeline.yaml or env.yaml gives a parameter another value than its cell. */
export function overridden(parameter: ILabParameter): boolean {
  const own = parameter.written !== ''; // it stands in the cell
  return own && written(parameter, parameter.value) !== written(parameter, parameter.default);
}

/** The value of a field, checked against its parameter's type. */
export function checked(parameter: ILabParameter, field: Written, trans: TranslationBundle): Checked {
  if (field === null) {
    return parameter.optional ? { value: null } : { error: trans.__('A value is needed.') };
  }
  if (typeof field === 'boolean') {
    return { value: field };
  }
  const text = field.trim();
  switch (parameter.type) {
    case 'text':
      return { value: field };
    case 'choice':
      return parameter.choices.includes(field)
        ? { value: literal(field) }
        : { error: trans.__('Choose one of: %1.', parameter.choices.join(', ')) };
    case 'integer':
      return /^[+-]?\d[\d_]*$/.test(text) && Number.isSafeInteger(plain(text))
        ? { value: plain(text) }
        : { error: trans.__('A whole number is needed, such as 10.') };
    case 'number':
      return text !== '' && Number.isFinite(plain(text))
        ? { value: plain(text) }
        : { error: trans.__('A number is needed, such as 0.5.') };
    default:
      return structured(parameter, text, trans);
  }
}

/** A literal of Python's as a value: a text, a number, True, False or None. */
export function literal(text: string): unknown {
  const named = new Map<string, unknown>([
    ['True', true],
    ['False', false],
    ['None', null]
  ]);
  if (named.has(text)) {
    return named.get(text);
  }
  const quoted = /^(['"])(.*)\1$/s.exec(text);
  if (quoted) {
    return quoted[2].replace(/\\(['"\\])/g, '$1');
  }
  const number = plain(text);
  return text !== '' && Number.isFinite(number) ? number : text;
}

function plain(text: string): number {
  return Number(text.replace(/_/g, ''));
}

function structured(parameter: ILabParameter, text: string, trans: TranslationBundle): Checked {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const list = Array.isArray(value);
  if (parameter.type === 'list') {
    return list ? { value } : { error: trans.__('A list is needed, such as [1, 2].') };
  }
  if (parameter.type === 'mapping') {
    const mapping = typeof value === 'object' && value !== null && !list;
    return mapping ? { value } : { error: trans.__('A mapping is needed, such as {"a": 1}.') };
  }
  return value === undefined
    ? {
        error: trans.__('A value is needed as JSON: a text in double quotes, a number, true, false or null.')
      }
    : { value };
}
