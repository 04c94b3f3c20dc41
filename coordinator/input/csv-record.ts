// One record of RFC 4180, read from a text at a place.
// In: text that ends with a line feed. Out: its fields, or what is wrong with it.
// (csv-parse, the usual library, was tried: with skip_records_with_error it drops whole records after a stray quote.)
export type CsvRecord =
  | { readonly state: 'whole'; readonly fields: string[]; readonly end: number; readonly lines: number }
  /** A quote is open at the end of the text. */
  | { readonly state: 'open' }
  | { readonly state: 'bad'; readonly why: string }

export const readRecord = (text: string, start: number): CsvRecord => {
  const lineEnd = text.indexOf('\n', start)
  const line = text.slice(start, text.charCodeAt(lineEnd - 1) === 13 && lineEnd > start ? lineEnd - 1 : lineEnd)
  if (!line.includes('"')) return { state: 'whole', fields: line.split(','), end: lineEnd + 1, lines: 1 }
  const fields: string[] = []
  for (let at = start; ; ) {
    let end: number
    if (text.charCodeAt(at) === QUOTE) {
      end = endOfQuoted(text, at)
      if (end === -1) return { state: 'open' }
      fields.push(text.slice(at + 1, end - 1).replaceAll('""', '"'))
    } else {
      end = at
      for (let code = text.charCodeAt(end); code !== COMMA && !isLineEnd(text, end); code = text.charCodeAt(++end))
        if (code === QUOTE)
          return { state: 'bad', why: `a quote inside field ${fields.length + 1}, which is not quoted` }
      fields.push(text.slice(at, end))
    }
    if (text.charCodeAt(end) === COMMA) at = end + 1
    else if (isLineEnd(text, end)) {
      const after = text.indexOf('\n', end) + 1
      return { state: 'whole', fields, end: after, lines: after === lineEnd + 1 ? 1 : linesIn(text, start, after) }
    } else return { state: 'bad', why: `more text after the closing quote of field ${fields.length}` }
  }
}

const QUOTE = 34
const COMMA = 44

const isLineEnd = (text: string, at: number): boolean =>
  text.charCodeAt(at) === 10 || (text.charCodeAt(at) === 13 && text.charCodeAt(at + 1) === 10)

const linesIn = (text: string, from: number, to: number): number => {
  let lines = 0
  for (let at = text.indexOf('\n', from); at !== -1 && at < to; at = text.indexOf('\n', at + 1)) lines += 1
  return lines
}

/** The place after the closing quote; -1 when there is none. */
const endOfQuoted = (text: string, start: number): number => {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 2))
    if (text.charCodeAt(at + 1) !== QUOTE) return at + 1
  return -1
}
