import test from 'ava'
import fc from 'fast-check'
import { readFunction } from '../../../coordinator/function/captures.js'
import { isPlain } from '../../../coordinator/function/plain.js'

const PLAIN = [
  'x => x * 2',
  '(a, b) => a + b',
  'async x => await Promise.resolve(x / 2)',
  'x => Math.sqrt(x) + Number.MAX_VALUE',
  'function half(x) { return x / 2 }',
  'function (x) { if (x.constructor === Array) return [...x]; return null }',
  "x => (x === 'await' ? undefined : x.length)",
  '() => 1',
  'x => ({ a: x, b: [x], length: x.c })',
  'x => { const factor = 1; return x * factor }',
  'x => { let sum = 0, k = 1; for (let i = 0; i < x; i++) { sum += i / k }; return "v" + sum }',
  'x => { let sum = 0; for (let i = 0, n = x; i < n; i++) sum += Math.sqrt(i)\n return sum }',
  'x => { for (const each of x) for (const key in each) return each[key] }',
  'x => x.map(y => y * 2).reduce((a, b) => a + b, 0)',
  'x => x.map((_, k) => { const half = k / 2; return half })',
  "x => { try { return JSON.parse(x) } catch (error) { return '{ not: ' + error.message } }",
  `x => \`it's \${x} and \${x.y / 2}px\` // comment's end`,
  'function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2) }',
  'async function f(x) { const size = await x; return new Date(size) }',
  'function anonymous(i\n) {\nlet x=0;for(let j=0;j<i;j++)x+=Math.sqrt(j*i);return x\n}',
]

const NOT_PLAIN = [
  'x => x * factor',
  'x => [...rest, x]',
  '(x, y = factor) => x',
  `x => \`\${factor}\``,
  'x => { if (x) { const factor = 1 } return x * factor }',
  'x => { for (const factor of x) { x(factor) } return factor }',
  'x => { for (const factor of x) if (factor) { x() } x(factor) }',
  'x => { for (const factor of x) x(factor); return factor }',
  'x => { for (const factor of x) x(factor)\n return factor }',
  'x => { for (const key in x, factor) return key }',
  'x => { let y = x\n x(y), factor }',
  'x => [y => y, y]',
  'x => (x ? y => y : y)',
  'x => { x.catch(factor)(factor) }',
  'x => { try { x() } catch (error) { x() } return error }',
  'x => of + x',
  "x => /'/.test(x) + factor + /'/",
  "x => { if (x) /'/.test(x); return factor + '/' }",
  'x => { const { factor } = x; return factor }',
  'x => this.a + x',
  'function* f(x) { yield x }',
  'x => import("lodash")',
  'x => \\u0066actor',
  'class A { b(x) { return x } }',
  'x => arguments[0]',
  'x => new . target',
  'x => super.y',
  'function half(x) { return x / two }',
  'x => x * größe',
  'x => { switch (x) { case x, factor: return 1 } }',
  'x => (x ? factor : 1)',
  'x => ({ factor })',
]

test('plain functions are known without a parser, and the parser agrees', t => {
  for (const source of PLAIN) {
    t.true(isPlain(source), source)
    t.deepEqual(readFunction(source)?.captures, [], source)
  }
})

test('what may come from outside is left to the parser', t => {
  for (const source of NOT_PLAIN) t.false(isPlain(source), source)
})

/** Functions whose names mean something in some places and nothing in others. */
const functions = (() => {
  const name = fc.constantFrom('x', 'y', 'z', 'limit')
  const { statement, block } = fc.letrec<{ expression: string; statement: string; block: string }>(tie => {
    const [expression, statement, block] = [tie('expression'), tie('statement'), tie('block')]
    const two = fc.tuple(expression, expression)
    return {
      expression: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        name,
        fc.constantFrom(
          '1',
          "'let limit = {'",
          '"}"',
          `\`{ \${1}\``,
          "/'/",
          "/[/}]'/g",
          'x.limit',
          'Math.sqrt',
          '/* { */ 2',
        ),
        two.map(([a, b]) => `${a} / ${b}`),
        two.map(([a, b]) => `(${a}, ${b})`),
        two.map(([a, b]) => `x(${a}, ${b})`),
        two.map(([a, b]) => `\`${'$'}{${a}} of ${'$'}{${b}}'\``),
        fc.tuple(expression, expression, expression).map(([a, b, c]) => `(${a} ? ${b} : ${c})`),
        fc.tuple(name, expression).map(([a, b]) => `({ ${a}: ${b} })`),
        fc.tuple(name, expression).map(([a, b]) => `(${a} => ${b})`),
        fc.tuple(name, block).map(([a, b]) => `(${a} => ${b})`),
        fc.tuple(name, name, expression).map(([a, b, c]) => `[(${a}, ${b === a ? 'w' : b}) => ${c}, ${b}]`),
      ),
      statement: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        expression.map(each => `;${each}`),
        fc.tuple(fc.constantFrom('let', 'const', 'var'), name, expression).map(([a, b, c]) => `${a} ${b} = ${c}`),
        fc.tuple(name, expression, expression).map(([a, b, c]) => `var ${a} = ${b}, ${a}2 = ${c}; ;(${a}2)`),
        fc.tuple(name, expression, statement).map(([a, b, c]) => `for (const ${a} of ${b}) {${c}}`),
        fc.tuple(name, expression, expression).map(([a, b, c]) => `for (let ${a} = ${b}; ;) ${c}`),
        fc.tuple(name, expression, block).map(([a, b, c]) => `for (const ${a} in ${b}) if (${a}) ${c}`),
        fc.tuple(block, name, block).map(([a, b, c]) => `try ${a} catch (${b}) ${c}`),
        fc.tuple(expression, block).map(([a, b]) => `if (${a}) ${b}`),
        block,
      ),
      block: fc
        .tuple(fc.array(statement, { maxLength: 3 }), fc.constantFrom('\n', '; '))
        .map(([statements, between]) => `{ ${statements.join(between)} }`),
    }
  })
  return fc.oneof(
    fc.tuple(name, block).map(([a, b]) => `${a} => ${b}`),
    fc.tuple(name, statement).map(([a, b]) => `function ${a}(x) { ${b} }`),
  )
})()

test('nothing is called plain that the parser says takes something from outside', t => {
  let plain = 0
  let read = 0
  fc.assert(
    fc.property(functions, source => {
      const reading = readFunction(source)
      if (reading === undefined) return
      read++
      if (!isPlain(source)) return
      plain++
      t.deepEqual(reading.captures, [], source)
    }),
    { numRuns: 5000 },
  )
  t.true(read > 1000 && plain > 100, `${read} of 5000 can be read, ${plain} are plain`)
})
