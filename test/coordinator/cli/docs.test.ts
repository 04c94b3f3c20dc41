import { readFileSync } from 'node:fs'
import test from 'ava'
import { COMMANDS } from '../../../coordinator/cli/commands.js'
import { FAULT_CODES } from '../../../coordinator/cli/fault.js'
import { flagOf, optionsOf, specOf } from '../../../coordinator/cli/options.js'

// Tests run with the project's folder as their own.
const page = (name: string): string => readFileSync(`docs/${name}`, 'utf8')

/** The part of a page under a heading. */
const section = (text: string, heading: string): string => {
  const start = text.indexOf(`\n${heading}\n`)
  if (start < 0) return ''
  const end = text.indexOf('\n## ', start + heading.length + 2)
  return text.slice(start, end < 0 ? undefined : end)
}

test('docs/cli.md has every command, and under it every option', t => {
  const text = page('cli.md')
  for (const { name } of COMMANDS) {
    const part = section(text, `## manyhands ${name}`)
    t.not(part, '', name)
    for (const key of optionsOf(name).filter(key => !specOf(key).hidden)) {
      t.true(part.includes(`\`${flagOf(key)}`), `${flagOf(key)} of ${name}`)
    }
  }
})

test('docs/errors.md has a paragraph for every code and none for others', t => {
  const documented = [...page('errors.md').matchAll(/^## (MH-\S+)$/gm)].map(match => match[1])
  t.deepEqual(documented.sort(), Object.keys(FAULT_CODES).sort())
})
