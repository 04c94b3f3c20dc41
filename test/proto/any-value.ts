// Values for property tests: whatever the extended JSON can say.
import fc from 'fast-check'

/** Every JavaScript value that has a form, escapes' own names among the keys. */
export const anyValue = (): fc.Arbitrary<unknown> => {
  const key = fc.oneof(
    fc.string(),
    fc.constantFrom('$number', '$bigint', '$bytes', '$undefined', '$escape', '__proto__', 'toString', '0'),
  )
  return fc.letrec(tie => ({
    leaf: fc.oneof(
      fc.constantFrom<unknown>(
        null,
        true,
        false,
        -0,
        0,
        Number.NaN,
        Infinity,
        -Infinity,
        1e20,
        -1e20,
        2 ** 53,
        1e300,
        5e-324,
      ),
      fc.constantFrom<unknown>(
        '',
        'NaN',
        '\u2028\u2029\r\n\0',
        '\ud800',
        '\udc00x',
        '{"$number":"NaN"}',
        '9007199254740993',
        '-0.0',
      ),
      fc.double(),
      fc.integer(),
      fc.maxSafeInteger(),
      fc.bigInt(),
      fc.string({ unit: 'binary' }),
      fc.uint8Array({ maxLength: 20 }),
    ),
    list: fc.array(fc.oneof(tie('value'), fc.constant(undefined)), { maxLength: 4 }),
    object: fc.array(fc.tuple(key, tie('value')), { maxLength: 4 }).map(entries => Object.fromEntries(entries)),
    value: fc.oneof({ depthSize: 'small', withCrossShrink: true }, tie('leaf'), tie('list'), tie('object')),
  })).value
}
