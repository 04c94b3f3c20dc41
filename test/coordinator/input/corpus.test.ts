// Bad and odd inputs, each with what becomes of it. A bug in a reader adds a line here.
import test from 'ava'
import { openCsv } from '../../../coordinator/input/csv.js'
import type { Input } from '../../../coordinator/input/input.js'
import { openJson } from '../../../coordinator/input/json.js'
import { openJsonl } from '../../../coordinator/input/jsonl.js'
import { openLines } from '../../../coordinator/input/lines.js'
import { bytesSource, drain } from './drain.js'

const latin1 = (text: string) => Buffer.from(text, 'latin1')
const openers: Record<string, (content: string | Uint8Array, pieces: number[]) => Input> = {
  lines: (content, pieces) => openLines(bytesSource(content, pieces), 20),
  jsonl: (content, pieces) => openJsonl(bytesSource(content, pieces)),
  csv: (content, pieces) => openCsv(bytesSource(content, pieces), 200),
  json: (content, pieces) => openJson(bytesSource(content, pieces), 200),
}
/** Values in order; an undecodable item, or the error that ends the reading, is a RegExp. */
type Case = [format: string, name: string, content: string | Uint8Array, expected: readonly unknown[]]

const cases: Case[] = [
  ['lines', 'nothing', '', []],
  ['lines', 'one line end', '\n', ['']],
  ['lines', 'no last line end', 'a\nb', ['a', 'b']],
  ['lines', 'CRLF', 'a\r\nb\r\n', ['a', 'b']],
  ['lines', 'mixed line ends', 'a\r\nb\nc\r\n', ['a', 'b', 'c']],
  ['lines', 'a carriage return inside', 'a\rb\n', ['a\rb']],
  ['lines', 'a last carriage return', 'a\r', ['a']],
  ['lines', 'empty lines', 'a\n\n\nb\n', ['a', '', '', 'b']],
  ['lines', 'white space', '  a \t\n', ['  a \t']],
  ['lines', 'a byte order mark', '\ufeffa\n\ufeffb', ['a', '\ufeffb']],
  ['lines', 'a byte order mark alone', '\ufeff', []],
  ['lines', 'a byte order mark and a line end', '\ufeff\n', ['']],
  ['lines', 'quotes, backslashes, control characters', '"a\\b"\n\u0000\u0001\n', ['"a\\b"', '\u0000\u0001']],
  ['lines', 'other line separators', 'a\u2028b\u2029c\u0085d\n', ['a\u2028b\u2029c\u0085d']],
  ['lines', 'astral characters', '😀\n', ['😀']],
  ['lines', 'latin-1', latin1('ok\ncaf\u00e9\nok\n'), ['ok', /^x:2: not UTF-8/, 'ok']],
  ['lines', 'a cut UTF-8 sequence at the end', Buffer.from([0x61, 10, 0xe2, 0x82]), ['a', /^x:2: not UTF-8/]],
  ['lines', 'an encoded surrogate', Buffer.from([0xed, 0xa0, 0x80, 10]), [/^x:1: not UTF-8/]],
  ['lines', 'an overlong encoding', Buffer.from([0xc0, 0xaf, 10]), [/^x:1: not UTF-8/]],
  ['lines', 'UTF-16', Buffer.from('\ufeffa\n', 'utf16le'), [/^x:1: .*UTF-16/, '\0']],
  ['lines', 'a line of the longest length', `${'a'.repeat(20)}\n`, ['a'.repeat(20)]],
  [
    'lines',
    'a line that is too long',
    `a\n${'b'.repeat(21)}\nc\n`,
    ['a', /^x:2: the line is longer than 20 bytes/, 'c'],
  ],
  ['lines', 'a last line that is too long', 'b'.repeat(100), [/^x:1: the line is longer/]],
  ['lines', 'two lines that are too long', `${'b'.repeat(50)}\n${'c'.repeat(50)}\nd`, [/^x:1: /, /^x:2: /, 'd']],

  ['jsonl', 'nothing', '', []],
  ['jsonl', 'values of all kinds', '1\n"a"\nnull\ntrue\n[1]\n{"a":1}\n', [1, 'a', null, true, [1], { a: 1 }]],
  ['jsonl', 'blank lines', '1\n\n  \n\t\r\n2\n', [1, 2]],
  ['jsonl', 'CRLF and white space', ' 1 \r\n{"a":\t2}\r\n', [1, { a: 2 }]],
  ['jsonl', 'a carriage return between tokens', '[1,\r2]\n', [[1, 2]]],
  ['jsonl', 'a byte order mark', '\ufeff1\n', [1]],
  ['jsonl', 'long integers', '12345678901234567890\n1.0\n', [12345678901234567890n, 1]],
  ['jsonl', 'extended JSON', '{"$number":"NaN"}\n{"$bytes":"aGk="}\n', [Number.NaN, new Uint8Array([104, 105])]],
  ['jsonl', 'a bad line among good ones', '1\n{"a":}\n3\n', [1, /^x:2: not JSON: Unexpected token/, 3]],
  ['jsonl', 'a cut last line', '1\n{"a":', [1, /^x:2: not JSON/]],
  ['jsonl', 'pretty-printed JSON', '{\n"a": 1\n}\n', [/^x:1: /, /^x:2: /, /^x:3: /]],
  ['jsonl', 'two values in a line', '1 2\n', [/^x:1: not JSON/]],
  ['jsonl', 'lines that are JSON only together', '[1\n2]\n', [/^x:1: /, /^x:2: /]],
  ['jsonl', 'single quotes', "{'a':1}\n", [/^x:1: not JSON/]],
  ['jsonl', 'NaN', 'NaN\n', [/^x:1: not JSON/]],
  ['jsonl', 'a leading zero', '007\n', [/^x:1: not JSON/]],
  ['jsonl', 'a trailing comma', '[1,]\n', [/^x:1: not JSON/]],
  ['jsonl', 'a raw tab in a string', '"a\tb"\n', [/^x:1: not JSON/]],
  ['jsonl', 'a lone surrogate escape', '"\\ud800"\n', ['\ud800']],
  ['jsonl', 'latin-1', latin1('"a"\n"\u00e9"\n'), ['a', /^x:2: not UTF-8/]],
  ['jsonl', 'a no-break space', '\u00a01\n', [/^x:1: not JSON/]],
  ['jsonl', 'a __proto__ key', '{"__proto__":1}\n', [Object.fromEntries([['__proto__', 1]])]],

  ['csv', 'nothing', '', []],
  ['csv', 'a header alone', 'a,b', []],
  [
    'csv',
    'records',
    'a,b\n1,2\r\n3,4',
    [
      { a: '1', b: '2' },
      { a: '3', b: '4' },
    ],
  ],
  ['csv', 'quotes', 'a,b\n"x,""y""","1\n2"\n', [{ a: 'x,"y"', b: '1\n2' }]],
  ['csv', 'CRLF in a quoted field', 'a\r\n"1\r\n2"\r\n', [{ a: '1\r\n2' }]],
  [
    'csv',
    'empty fields',
    'a,b\n,\n"",x\n',
    [
      { a: '', b: '' },
      { a: '', b: 'x' },
    ],
  ],
  ['csv', 'blank lines and an empty quoted field', 'a\n\n""\n\r\n1\n', [{ a: '' }, { a: '1' }]],
  ['csv', 'a byte order mark', '\ufeffa\n1\n', [{ a: '1' }]],
  [
    'csv',
    'too few and too many fields',
    'a,b\n1\n1,2,3\n4,5\n',
    [/^x:2: 1 fields .* 2/, /^x:3: 3 fields .* 2/, { a: '4', b: '5' }],
  ],
  ['csv', 'a field too many after a field of two lines', 'a\n"1\n2"\n3,4\n', [{ a: '1\n2' }, /^x:4: /]],
  [
    'csv',
    'text after a closing quote',
    'a,b\n1,"x"y\n3,4\n5,6\n',
    [/^x:2: more text after/, { a: '3', b: '4' }, { a: '5', b: '6' }],
  ],
  ['csv', 'a quote in an unquoted field', 'a\n5" pipe\n6\n', [/^x:2: a quote inside field 1/, { a: '6' }]],
  ['csv', 'a quote never closed', 'a\n"1\n2\n3\n', [/^x:2: a quote is opened/, { a: '2' }, { a: '3' }]],
  [
    'csv',
    'a quote not closed within the limit',
    `a\n"1\n${'2\n'.repeat(150)}`,
    [/^x:2: a quote is opened/, ...Array(150).fill({ a: '2' })],
  ],
  ['csv', 'a column named twice', 'a,a\n1,2\n', [/^cannot read x:1: .*"a" twice/]],
  ['csv', 'a header with wrong quotes', 'a"b\n1\n', [/^cannot read x:1: the header/]],
  ['csv', 'latin-1', latin1('a\n\u00e9\n1\n'), [/^x:2: not UTF-8/, { a: '1' }]],
  ['csv', 'UTF-8', 'ä,b\né,😀\n', [{ ä: 'é', b: '😀' }]],
  ['csv', 'a column with the name of an escape', '$number\nNaN\n', [{ $number: 'NaN' }]],
  [
    'csv',
    'a __proto__ column',
    '__proto__,b\n1,2\n',
    [
      Object.fromEntries([
        ['__proto__', '1'],
        ['b', '2'],
      ]),
    ],
  ],
  ['csv', 'semicolons', 'a;b\n1;2\n', [{ 'a;b': '1;2' }]],

  ['json', 'nothing', '', [/^cannot read x: not JSON/]],
  ['json', 'an empty array', ' [ ] ', []],
  ['json', 'elements of all kinds', '[1,"a,]",[2,{"b":3}],{"c":[]},null]', [1, 'a,]', [2, { b: 3 }], { c: [] }, null]],
  ['json', 'pretty-printed', '[\r\n  {\n    "a": 1\n  },\n  2\n]\n', [{ a: 1 }, 2]],
  ['json', 'long integers and escapes', '[12345678901234567890, {"$bigint":"1"}]', [12345678901234567890n, 1n]],
  ['json', 'a byte order mark', '\ufeff[1]', [1]],
  ['json', 'an object', '{"a":1}', [/^cannot read x: it holds an object where/]],
  ['json', 'JSON lines', '1\n2\n', [/^cannot read x: not JSON: .* jsonl/]],
  ['json', 'a trailing comma', '[1,]', [/^cannot read x: not JSON/]],
  ['json', 'latin-1', latin1('["\u00e9"]'), [/^cannot read x: not UTF-8/]],
  ['json', 'too large', `[${'1,'.repeat(200)}1]`, [/^cannot read x: it is larger than 200 bytes.*jsonl/]],
]

for (const [format, name, content, expected] of cases)
  for (const pieces of [[1000], [1], [3, 1, 7]])
    test(`${format} with ${name}, in pieces of ${pieces} bytes`, async t => {
      const input = (openers[format] as (typeof openers)[string])(content, pieces)
      const got = await drain(input, 2).catch((error: Error) => [{ undecodable: error.message }])
      const shown = JSON.stringify(got, (_, value) => (typeof value === 'bigint' ? `${value}n` : value))
      t.is(got.length, expected.length, shown)
      got.forEach((one, at) => {
        const want = expected[at]
        if (want instanceof RegExp) t.regex('undecodable' in one ? one.undecodable : `no failure: ${shown}`, want)
        else t.deepEqual(one, { value: want })
      })
    })
