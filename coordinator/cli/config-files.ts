// The config files: manyhands.toml of the folder that the command runs in, and the user's own.
// In: TOML; a key at the top holds for every command that knows it, a key in a table such as [map] for that command.
// Out: for one command, the texts of its options and where each stands. Always true: an unknown key or table is an error
// that names the nearest known one.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { homeFolder } from '../../proto/home.js'
import { Fault, messageOf } from './fault.js'
import { suggest } from './nearest.js'
import { nameOf, OPTION_KEYS, type OptionKey, optionsOf, specOf } from './options.js'

export interface Place {
  readonly rank: 'project' | 'user'
  readonly file: string
}

/** An option's text as a file gives it; `at` is what people look for: `slots in [map] of manyhands.toml`. */
export interface Entry {
  readonly text: string
  readonly at: string
}

export const configPlaces = (cwd: string, env: NodeJS.ProcessEnv): Place[] => {
  const base = env.XDG_CONFIG_HOME || join(env.HOME || homeFolder(), '.config')
  return [
    { rank: 'project', file: join(cwd, 'manyhands.toml') },
    { rank: 'user', file: join(base, 'manyhands', 'config.toml') },
  ]
}

const KEY_OF = new Map(OPTION_KEYS.filter(key => !specOf(key).hidden).map(key => [nameOf(key), key]))
const SECTIONS = [...new Set(OPTION_KEYS.flatMap(key => specOf(key).commands))]

const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)

const textOf = (value: unknown, at: string): string => {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  throw new Fault('MH-CONFIG-KEY', `${at} is a list, a date or a table; expected a text, a number, true or false`)
}

/** The entries of one parsed file that are for `command`; checks the whole file. */
export const entriesOf = (
  document: Record<string, unknown>,
  file: string,
  command: string,
): ReadonlyMap<OptionKey, Entry> => {
  const entries = new Map<OptionKey, Entry>()
  const mine = optionsOf(command)
  const take = (name: string, value: unknown, section: string | undefined): void => {
    const at = `${name} in ${section === undefined ? '' : `[${section}] of `}${file}`
    const key = KEY_OF.get(name)
    const known = section === undefined ? [...KEY_OF.keys()] : optionsOf(section).map(nameOf)
    if (key === undefined || !known.includes(name)) {
      const names = section === undefined ? [...known, ...SECTIONS.map(name => `[${name}]`)] : known
      throw new Fault('MH-CONFIG-KEY', `unknown key ${at}`, suggest(name, names))
    }
    const entry = { text: textOf(value, at), at }
    if ((section === undefined || section === command) && mine.includes(key)) entries.set(key, entry)
  }
  for (const [name, value] of Object.entries(document)) if (!isTable(value)) take(name, value, undefined)
  // A command's own table comes second: it is nearer.
  for (const [section, table] of Object.entries(document)) {
    if (!isTable(table)) continue
    if (!SECTIONS.includes(section)) {
      const advice = suggest(section, SECTIONS).replace(/ ([a-z-]+)([?.])$/, ' [$1]$2')
      throw new Fault('MH-CONFIG-KEY', `unknown table [${section}] in ${file}`, advice)
    }
    for (const [name, value] of Object.entries(table)) take(name, value, section)
  }
  return entries
}

/** Reads a config file; `undefined` where there is none. */
export const readConfig = async (file: string): Promise<Record<string, unknown> | undefined> => {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new Fault('MH-CONFIG-FILE', `cannot read the config file ${file}: ${messageOf(error)}`, undefined, error)
  }
  const { parse } = await import('smol-toml')
  try {
    return parse(text) as Record<string, unknown>
  } catch (error) {
    const advice = 'It must be TOML, for instance: slots = 4'
    throw new Fault('MH-CONFIG-FILE', `${file} is not TOML: ${messageOf(error)}`, advice, error)
  }
}
