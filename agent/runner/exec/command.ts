// A command line for one item. In: an argument vector with GNU parallel's placeholders, an item. Out: a file and arguments.
// Always true: an item's text is never a part of what a shell reads as its script: without a shell it is (a part of) one
// argument, with one it is a positional parameter.
import { encodeValue } from '../../../proto/items.js'

export interface CommandLine {
  readonly file: string
  readonly args: readonly string[]
}

const PLACEHOLDER = /\{(?:|\.|\/|\/\/|\/\.|#)\}/g

const withoutExtension = (path: string): string => {
  const at = path.lastIndexOf('.')
  return at > path.lastIndexOf('/') ? path.slice(0, at) : path
}

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

const folderName = (path: string): string => {
  const at = path.lastIndexOf('/')
  if (at < 0) return '.'
  return at === 0 ? '/' : path.slice(0, at)
}

/** In the order of the shell's positional parameters. */
const VALUES: Record<string, (text: string, index: number) => string> = {
  '{}': text => text,
  '{.}': withoutExtension,
  '{/}': baseName,
  '{//}': folderName,
  '{/.}': text => withoutExtension(baseName(text)),
  '{#}': (_text, index) => String(index + 1),
}
const NAMES = Object.keys(VALUES)

/** Strings as they are, numbers as JavaScript prints them, anything else as JSON. */
export const textOf = (item: unknown): string => {
  if (typeof item === 'string') return item
  return typeof item === 'number' || typeof item === 'bigint' ? String(item) : encodeValue(item)
}

/** In a script, outside of single quotes (which are awk's, say), the first positional parameter, or all of them, stand for the item as {} does. */
const PARAMETER = /\$(?:[1@*]|\{[1@*])/

const hasInput = (text: string): boolean => (text.match(PLACEHOLDER) ?? []).some(name => name !== '{#}')

/** Each placeholder as a positional parameter, quoted for the place where it stands. */
const asParameters = (script: string): string => {
  let quote = ''
  let written = ''
  for (let at = 0; at < script.length; at++) {
    const name = NAMES.find(each => script.startsWith(each, at))
    const letter = script[at] as string
    if (name !== undefined) {
      const parameter = `\${${NAMES.indexOf(name) + 1}}`
      written += quote === '"' ? parameter : quote === "'" ? `'"${parameter}"'` : `"${parameter}"`
      at += name.length - 1
    } else if (letter === '\\' && quote !== "'") {
      written += letter + (script[++at] ?? '')
    } else {
      if (letter === quote) quote = ''
      else if (quote === '' && (letter === '"' || letter === "'")) quote = letter
      written += letter
    }
  }
  return written
}

const viaShell = (argv: readonly string[]): ((text: string, index: number) => CommandLine) => {
  const joined = argv.join(' ')
  const script = asParameters(
    hasInput(joined) || PARAMETER.test(joined.replace(/'[^']*'/g, '')) ? joined : `${joined} {}`,
  )
  return (text, index) => ({
    file: '/bin/sh',
    args: ['-c', script, 'sh', ...NAMES.map(name => (VALUES[name] as (typeof VALUES)[string])(text, index))],
  })
}

/** A function that gives the command line of an item. Without a placeholder for it the item is the last argument. */
export const commandFor = (argv: readonly string[], shell: boolean): ((text: string, index: number) => CommandLine) => {
  if (argv.length === 0) throw new TypeError('a command without a name')
  if (shell) return viaShell(argv)
  const whole = argv.some(hasInput) ? argv : [...argv, '{}']
  return (text, index) => {
    const fill = (part: string): string =>
      part.replace(PLACEHOLDER, name => (VALUES[name] as (typeof VALUES)[string])(text, index))
    const [file, ...args] = whole.map(fill) as [string, ...string[]]
    return { file, args }
  }
}
