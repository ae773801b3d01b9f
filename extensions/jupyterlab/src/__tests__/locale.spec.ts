import { Locale } from '../locale';

const english = new Locale('en');
const german = new Locale('de-DE');

test('numbers, moments and durations are written as the language writes them', () => {
  expect(english.number(1234.5678)).toBe('1,235');
  expect(german.number(0.72345)).toBe('0,7235');
  expect(english.number(1234567)).toBe('1,234,567');
  expect(english.percent(0.1234)).toBe('12.3%');
  expect(english.difference(0.01)).toBe('+0.01');
  expect(english.difference(0)).toBe('0');
  expect(german.duration(125)).toBe('2 Min. 5 Sek.');
});

test('a duration has no more than two units', () => {
  expect(english.duration(5.44)).toBe('5.4 sec');
  expect(english.duration(59.4)).toBe('59 sec');
  expect(english.duration(119.7)).toBe('2 min 0 sec');
  expect(english.duration(3_725)).toBe('1 hr 2 min');
});

test('how long ago is said in the largest unit that fits', () => {
  const now = Date.parse('2026-01-10T12:00:00Z');
  expect(english.ago('2026-01-10T11:59:30Z', now)).toBe('30 seconds ago');
  expect(english.ago('2026-01-10T11:00:30Z', now)).toBe('59 minutes ago');
  expect(english.ago('2026-01-09T12:00:00Z', now)).toBe('yesterday');
});

test('a language that nobody knows is the browser’s own', () => {
  expect(new Locale('no such').number(1)).toBe('1');
});
