import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutWarning, warningAbout } from '../../src/admission/warning.ts';

describe('a warning', () => {
  it('names what it is about', () => {
    expect(warningAbout('no live token for', ['cri-a'])).toBe('no live token for: cri-a');
    expect(warningAbout('no live token for', ['cri-a', 'cri-b'])).toBe('no live token for: cri-a, cri-b');
  });

  it('counts the names that it has no room for', () => {
    const names = Array.from({ length: 40 }, (_, index) => `cri-0123456789${index}`);
    const warning = warningAbout('no live token for', names);
    expect(warning).toMatch(/^no live token for: cri-01234567890, cri-01234567891, .* and 35 more$/);
    expect(warning.length).toBeLessThanOrEqual(120);
  });

  it('is never longer than 120 characters, and says what it is about, however long the names are', () => {
    const name = fc.string({ minLength: 1, maxLength: 253 });
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 8 }), (names) => {
        const warning = warningAbout('no live token for', names);
        expect(warning.length).toBeLessThanOrEqual(120);
        expect(warning.startsWith('no live token for: ')).toBe(true);
      }),
    );
  });

  it('that is too long by itself is cut, and shows it', () => {
    expect(cutWarning('x'.repeat(120))).toBe('x'.repeat(120));
    expect(cutWarning('x'.repeat(121))).toBe(`${'x'.repeat(117)}...`);
  });
});
