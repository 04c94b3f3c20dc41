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

/** Objects with the same keys in the same order, but for a stranger now and then; members of one kind, or of any. */
export const alikeObjects = (): fc.Arbitrary<unknown[]> => {
  const key = fc.oneof(
    fc.string(),
    fc.constantFrom('id', 'name', 'toString', 'constructor', '7', '0', '\ud800', '"', '\u2028'),
  )
  const kinds = [
    fc.integer(),
    fc.double(),
    fc.constantFrom(-0, 0, 1, Number.NaN, Infinity, 2 ** 53, 1e20),
    fc.boolean(),
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('a\nb', '\ud800', '', '\ufeffx', '\0'),
    fc.constantFrom(null, 1, 'x'),
    anyValue(),
  ]
  return fc
    .tuple(
      fc.uniqueArray(fc.tuple(key, fc.constantFrom(...kinds)), { maxLength: 5, selector: ([name]) => name }),
      fc.array(fc.oneof({ weight: 40, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: anyValue() }), {
        maxLength: 12,
      }),
    )
    .chain(([members, strangers]) =>
      fc.tuple(
        ...strangers.map(stranger =>
          stranger === undefined
            ? fc
                .tuple(...members.map(([, kind]) => kind))
                .map(values => Object.fromEntries(members.map(([name], nth) => [name, values[nth]])))
            : fc.constant(stranger),
        ),
      ),
    )
}
