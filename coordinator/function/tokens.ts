// The tokens of a short piece of JavaScript with their brackets matched, and how far its statements and expressions certainly reach.
// In: a source text. Out: tokens by their places. Always true: what tokens alone do not tell (regular expressions, names spelt with
// escapes) gives none; a template is the expressions in it, each in parentheses.
// The only importer of js-tokens.
import jsTokens from 'js-tokens'

interface Token {
  /** Of a name or a sign; '' for what has a value of its own. */
  readonly text: string
  readonly isName: boolean
  /** A new line begins before it. */
  readonly isFirst: boolean
  /** The bracket that it stands in; a bracket stands in the next outer one. None: -1. */
  readonly within: number
  /** A bracket's other one. */
  mate: number
}

const NAME = /^[A-Za-z_$][\w$]*$/
/** Behind these a slash begins a regular expression. */
const OPERATORS = new Set('return if else for while do typeof instanceof in of void await throw case'.split(' '))
/** And behind the parentheses of these. */
const HEADED = new Set(['if', 'for', 'while', 'with'])

export class Tokens {
  readonly #tokens: Token[] = []
  readonly #open: number[] = []
  #isFirst = false

  static of(source: string): Tokens | undefined {
    const tokens = new Tokens()
    return tokens.#read(source) ? tokens : undefined
  }

  get count(): number {
    return this.#tokens.length
  }

  /** A name or a sign as it is written; '' for everything else, and beyond the ends. */
  text(at: number): string {
    return this.#tokens[at]?.text ?? ''
  }

  isName(at: number): boolean {
    return this.#tokens[at]?.isName === true
  }

  /** The bracket that this stands in; -1: none. */
  within(at: number): number {
    return this.#tokens[at]?.within ?? -1
  }

  /** The other one of a bracket; -1 for what is none. */
  mate(at: number): number {
    return this.#tokens[at]?.mate ?? -1
  }

  /** Where the bracket that this stands in closes, or the text ends. */
  endAround(at: number): number {
    const within = this.within(at)
    return within < 0 ? this.count : this.mate(within)
  }

  /** The next token on the same level: behind a bracket's end, where this opens one. */
  next(at: number): number {
    return Math.max(at, this.mate(at)) + 1
  }

  /** What begins at `from` reaches no further than here: to one of these signs, a new line, or the end around it. */
  reach(from: number, signs: readonly string[]): number {
    const end = this.endAround(from)
    for (let at = from; at < end; at = this.next(at)) {
      if (signs.includes(this.text(at)) || (at > from && this.#tokens[at]?.isFirst === true)) return at
    }
    return end
  }

  /** A block, or what is certainly of the statement that begins there. */
  statementEnd(from: number): number {
    const end = this.reach(from, [';'])
    for (let at = from; at < end; at = this.next(at)) if (this.text(at) === '{') return this.mate(at)
    return end
  }

  #read(source: string): boolean {
    for (const token of jsTokens(source)) {
      if ('closed' in token && !token.closed) return false
      switch (token.type) {
        case 'WhiteSpace':
          break
        case 'LineTerminatorSequence':
        case 'SingleLineComment':
        case 'MultiLineComment':
          this.#isFirst ||= /[\n\r\u2028\u2029]/.test(token.value)
          break
        case 'IdentifierName':
          if (!NAME.test(token.value)) return false
          this.#push(token.value, true)
          break
        case 'NumericLiteral':
        case 'StringLiteral':
        case 'NoSubstitutionTemplate':
          this.#push('')
          break
        case 'TemplateHead':
          this.#push('')
          this.#opens('(')
          break
        case 'TemplateMiddle':
          if (!this.#closes(')')) return false
          this.#push('')
          this.#opens('(')
          break
        case 'TemplateTail':
          if (!this.#closes(')')) return false
          this.#push('')
          break
        case 'Punctuator':
          if (!this.#sign(token.value)) return false
          break
        default:
          return false
      }
    }
    return this.#open.length === 0
  }

  #sign(text: string): boolean {
    if ('([{'.includes(text)) this.#opens(text)
    else if (')]}'.includes(text)) return this.#closes(text)
    else if (text === '/' || text === '/=') {
      if (!this.#endsOperand()) return false
      this.#push(text)
    } else this.#push(text)
    return true
  }

  /** A slash behind the last token divides, whatever else there is. */
  #endsOperand(): boolean {
    const last = this.count - 1
    if (this.isName(last)) return !OPERATORS.has(this.text(last)) || this.text(last - 1) === '.'
    if (this.text(last) === ')') return !HEADED.has(this.text(this.mate(last) - 1))
    return this.text(last) === '' || this.text(last) === ']'
  }

  #push(text: string, isName = false): void {
    this.#tokens.push({ text, isName, isFirst: this.#isFirst, within: this.#open.at(-1) ?? -1, mate: -1 })
    this.#isFirst = false
  }

  #opens(text: string): void {
    this.#push(text)
    this.#open.push(this.count - 1)
  }

  #closes(text: string): boolean {
    const opener = this.#open.pop()
    if (opener === undefined || `${this.text(opener)}${text}` !== { ')': '()', ']': '[]', '}': '{}' }[text])
      return false
    this.#push(text)
    const at = this.count - 1
    ;(this.#tokens[opener] as Token).mate = at
    ;(this.#tokens[at] as Token).mate = opener
    return true
  }
}
