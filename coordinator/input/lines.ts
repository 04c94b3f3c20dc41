// Lines of text as strings: ended by \n or \r\n, the last one with or without it. An empty line is an item, "".
// In: bytes. Out: a string an item; a line that is not UTF-8 is undecodable by its number.
import { isUtf8 } from 'node:buffer'
import type { ByteSource } from './byte-source.js'
import type { Input } from './input.js'
import { type BlockParser, linesOf, notUtf8, TextInput } from './text-input.js'

export const openLines = (source: ByteSource, lineLimitBytes?: number): Input =>
  new TextInput(source, lineParser(source.name), lineLimitBytes)

// Anything that JSON writes as an escape, but line feeds.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const SPECIAL = /["\\\u0000-\u0009\u000b-\u001f]/

const lineParser = (name: string): BlockParser => ({
  parse(block, firstLine, emit) {
    let texts: string[] = []
    const flush = () => {
      if (texts.length > 0)
        emit({ items: { form: 'json', count: texts.length, text: Buffer.from(`${texts.join('\n')}\n`) } })
      texts = []
    }
    if (isUtf8(block)) {
      const text = block.toString('utf8', 0, block.length - 1)
      const lines = text.split('\n')
      if (!SPECIAL.test(text)) {
        const quoted = Buffer.from(`"${lines.join('"\n"')}"\n`)
        return emit({ items: { form: 'json', count: lines.length, text: quoted } })
      }
      texts = lines.map(line => JSON.stringify(line.endsWith('\r') ? line.slice(0, -1) : line))
      return flush()
    }
    for (const { bytes, line } of linesOf(block, firstLine)) {
      if (isUtf8(bytes)) texts.push(JSON.stringify(bytes.toString()))
      else {
        flush()
        emit({ undecodable: `${name}:${line}: ${notUtf8(bytes)}` })
      }
    }
    flush()
  },
})
