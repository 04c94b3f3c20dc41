// The cheap half of the check that a function is self-contained: a parser takes longer to load than most jobs take to run. In: its
// source text. Out: true when nothing in it can come from outside; false when only a parser can tell (captures.ts). Always true:
// every name counts as one from outside but for members, those of the language and of every worker's global object, and those that
// the text declares in a way that is known here, up to where they certainly hold.
import { GLOBAL_NAMES } from './built-in.js'
import { Tokens } from './tokens.js'

const WORDS = new Set(
  (
    'return if else for while do typeof instanceof in true false null undefined break continue ' +
    'throw try catch finally void await let const var new'
  ).split(' '),
)
const DECLARING = new Set(['let', 'const', 'var'])

/** A name, and the tokens in which it certainly is what it was declared as there. */
interface Binding {
  readonly name: string
  readonly from: number
  readonly to: number
}

export const isPlain = (source: string): boolean => {
  const tokens = Tokens.of(source)
  if (tokens === undefined) return false
  const head = headOf(tokens)
  if (head === undefined) return false
  const bindings = [...head.bindings]
  for (let at = head.end; at < tokens.count; at++) bindings.push(...declaredAt(tokens, at))
  for (let at = head.end; at < tokens.count; at++) {
    if (!tokens.isName(at) || isMember(tokens, at) || isLanguages(tokens, at)) continue
    const name = tokens.text(at)
    if (GLOBAL_NAMES.has(name)) continue
    if (!bindings.some(binding => binding.name === name && binding.from <= at && at < binding.to)) return false
  }
  return true
}

/** Behind one dot, or the key of an object (`case a, b:` would look the same, so `case` is not among the words). */
const isMember = (tokens: Tokens, at: number): boolean => {
  const before = tokens.text(at - 1)
  return before === '.' || before === '?.' || (tokens.text(at + 1) === ':' && (before === '{' || before === ','))
}

const isLanguages = (tokens: Tokens, at: number): boolean => {
  const word = tokens.text(at)
  if (word === 'new') return tokens.text(at + 1) !== '.'
  if (DECLARING.has(word)) return isDeclarable(tokens, at + 1)
  // Elsewhere it may be anyone's.
  if (word === 'of') return isDeclarable(tokens, at - 1) && isLoopsHead(tokens, tokens.within(at))
  return WORDS.has(word)
}

const isDeclarable = (tokens: Tokens, at: number): boolean => tokens.isName(at) && !WORDS.has(tokens.text(at))

const isLoopsHead = (tokens: Tokens, at: number): boolean => {
  const before = tokens.text(at - 1)
  return tokens.text(at) === '(' && (before === 'for' || (before === 'await' && tokens.text(at - 2) === 'for'))
}

/** `x =>`, `(x, y) =>`, `function f(x, y)`, each with `async` before it or without. */
const headOf = (tokens: Tokens): { readonly bindings: readonly Binding[]; readonly end: number } | undefined => {
  let at = tokens.text(0) === 'async' ? 1 : 0
  const to = tokens.count
  const own: Binding[] = []
  if (tokens.text(at) !== 'function') {
    const end = arrowBehind(tokens, at)
    return end === undefined ? undefined : { bindings: named(tokens, at, end, to), end: end + 1 }
  }
  at++
  if (isDeclarable(tokens, at)) own.push({ name: tokens.text(at++), from: 0, to })
  const end = tokens.mate(at)
  if (tokens.text(at) !== '(' || !isParameters(tokens, at, end + 1) || tokens.text(end + 1) !== '{') return undefined
  return { bindings: [...own, ...named(tokens, at, end, to)], end: end + 1 }
}

/** Where the arrow is, if these are an arrow function's parameters. */
const arrowBehind = (tokens: Tokens, at: number): number | undefined => {
  const end = tokens.text(at) === '(' ? tokens.next(at) : at + 1
  return tokens.text(end) === '=>' && isParameters(tokens, at, end) ? end : undefined
}

/** Nothing but names, apart from their parentheses and commas. */
const isParameters = (tokens: Tokens, from: number, to: number): boolean => {
  for (let at = from; at < to; at++) if (!/^[(),]$/.test(tokens.text(at)) && !isDeclarable(tokens, at)) return false
  return true
}

const named = (tokens: Tokens, from: number, to: number, until: number): Binding[] => {
  const bindings: Binding[] = []
  for (let at = from; at < to; at++) if (tokens.isName(at)) bindings.push({ name: tokens.text(at), from, to: until })
  return bindings
}

/** The names that are declared at this token, and behind it in the same way. */
const declaredAt = (tokens: Tokens, at: number): Binding[] => {
  const word = tokens.text(at)
  if (DECLARING.has(word) && isDeclarable(tokens, at + 1)) return variables(tokens, at)
  if (word === 'catch' && !isMember(tokens, at)) {
    const isNamed = isDeclarable(tokens, at + 2) && tokens.mate(at + 1) === at + 3 && tokens.text(at + 4) === '{'
    return isNamed ? named(tokens, at + 2, at + 3, tokens.mate(at + 4)) : []
  }
  const isParameter = word === '(' || isDeclarable(tokens, at)
  const arrow = isParameter ? arrowBehind(tokens, at) : undefined
  if (arrow === undefined) return []
  const isBlock = tokens.text(arrow + 1) === '{'
  const end = isBlock ? tokens.mate(arrow + 1) : tokens.reach(arrow + 1, [',', ';', ':'])
  return named(tokens, at, arrow, end)
}

/** `let a = 1, b = 2`: to the end of its block, or of its loop. */
const variables = (tokens: Tokens, at: number): Binding[] => {
  const within = tokens.within(at)
  const to = isLoopsHead(tokens, within)
    ? tokens.statementEnd(tokens.next(within))
    : tokens.text(within) === '{' || within < 0
      ? tokens.endAround(at)
      : at
  const bindings: Binding[] = []
  const end = tokens.reach(at, [';', 'of', 'in'])
  for (let each = at; each < end; each = tokens.next(each)) {
    const isFirst = each === at
    if ((isFirst || tokens.text(each) === ',') && each + 1 < end && isDeclarable(tokens, each + 1))
      bindings.push({ name: tokens.text(each + 1), from: each + 1, to })
  }
  return bindings
}
