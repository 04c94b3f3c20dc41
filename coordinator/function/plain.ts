// The cheap half of the check that a function is self-contained. In: its source text. Out: true when nothing in it can come
// from outside; false when only a parser can tell (captures.ts). Always true: it looks at every word of the text, wherever it
// stands, so a word in a string can only make it say false.
import { GLOBAL_NAMES } from './built-in.js'

const HEAD = /^(?:async\s+)?(?:([A-Za-z_$][\w$]*)\s*=>|\(([\w$,\s]*)\)\s*=>|function\b\s*[\w$]*\s*\(([\w$,\s]*)\)\s*\{)/
// A word, and whether it is a member's name: behind one dot, not behind the three of a spread, or before the colon of an
// object's key (`case a, b:` would look the same, so `case` is not among the words).
const WORD = /(\.{1,3}\s*|[{,]\s*)?([A-Za-z_$][\w$]*)(\s*:)?/g
const ASCII_WITHOUT_BACKSLASH = /^[\t\n\r -[\]-~]*$/
const WORDS = new Set(
  (
    'return if else for while do typeof instanceof in of true false null undefined break continue ' +
    'throw try catch finally void await'
  ).split(' '),
)

/** Parameters and words of the language or of every worker's global object, and nothing else. */
export const isPlain = (source: string): boolean => {
  const head = HEAD.exec(source)
  // A backslash may spell a name in another way, and names may be of any script's letters.
  if (head === null || !ASCII_WITHOUT_BACKSLASH.test(source)) return false
  const parameters = new Set((head[1] ?? head[2] ?? head[3] ?? '').split(',').map(name => name.trim()))
  const body = source.slice(head[0].length)
  for (const [, before, word = '', colon] of body.matchAll(WORD)) {
    const mark = before?.trim()
    if (mark === '.' || (colon !== undefined && (mark === '{' || mark === ','))) continue
    if (!WORDS.has(word) && !parameters.has(word) && !GLOBAL_NAMES.has(word)) return false
  }
  return true
}
