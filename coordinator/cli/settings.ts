// What an option is set to, and by whom: flag before environment before project file before user file before default.
// In: the flags of one command, the environment, the config files. Out: checked values, each with its origin.
// Always true: a value that is not what its option expects is an error that names where it stands.
import { configPlaces, type Entry, entriesOf, readConfig } from './config-files.js'
import { Fault, messageOf } from './fault.js'
import { suggest } from './nearest.js'
import { flagOf, OPTION_KEYS, type OPTIONS, type OptionKey, optionsOf, specOf, variableOf } from './options.js'
import { parseRequirements } from './requirement.js'
import {
  parseAddresses,
  parseBytes,
  parseConcurrency,
  parseCount,
  parseFlag,
  parseJobName,
  parseJson,
  parseLabels,
  parseListen,
  parseNats,
  parseNatural,
  parsePort,
  parsePriority,
  parseSeconds,
  parseText,
  parseTolerance,
  parseWeight,
} from './values.js'

const PARSERS = {
  text: parseText,
  flag: parseFlag,
  count: parseCount,
  concurrency: parseConcurrency,
  natural: parseNatural,
  priority: parsePriority,
  weight: parseWeight,
  port: parsePort,
  seconds: parseSeconds,
  bytes: parseBytes,
  tolerance: parseTolerance,
  nats: parseNats,
  json: parseJson,
  requirements: parseRequirements,
  jobName: parseJobName,
  labels: parseLabels,
  addresses: parseAddresses,
  listen: parseListen,
} as const

type ValueOfKind<K> = K extends keyof typeof PARSERS
  ? ReturnType<(typeof PARSERS)[K]>
  : K extends { readonly oneOf: readonly (infer Choice)[] }
    ? Choice
    : never
export type ValueOf<K extends OptionKey> = ValueOfKind<(typeof OPTIONS)[K]['kind']>

/** Nearer origins come first; options of the same rank contradict each other, of different ranks the nearer one holds. */
const RANKS = ['flag', 'environment', 'project', 'user'] as const
export type Rank = (typeof RANKS)[number]

export interface Origin {
  readonly rank: Rank
  /** As people find it: `--slots`, `MANYHANDS_SLOTS`, `slots in manyhands.toml`. */
  readonly at: string
}

interface Setting {
  readonly value: unknown
  readonly text: string
  readonly origin: Origin
}

/** The text as messages may show it: a URL without user, password and token. */
export const withoutSecrets = (key: OptionKey, text: string): string =>
  specOf(key).kind === 'nats' ? text.replace(/\/\/[^@/]*@/g, '//…@') : text

const parse = (key: OptionKey, text: string, at: string): unknown => {
  const { kind } = specOf(key)
  const problem = (what: string): Fault =>
    new Fault('MH-USAGE-VALUE', `${at} is ${JSON.stringify(withoutSecrets(key, text))}; expected ${what}`)
  if (typeof kind === 'object') {
    if (kind.oneOf.includes(text)) return text
    throw problem(`one of ${kind.oneOf.join(', ')}`)
  }
  try {
    return PARSERS[kind](text)
  } catch (error) {
    throw problem(messageOf(error))
  }
}

export class Settings {
  readonly #settings: Map<OptionKey, Setting>

  constructor(settings: ReadonlyMap<OptionKey, Setting>) {
    this.#settings = new Map(settings)
  }

  get<K extends OptionKey>(key: K): ValueOf<K> | undefined {
    return this.#settings.get(key)?.value as ValueOf<K> | undefined
  }

  isOn(key: OptionKey): boolean {
    return this.#settings.get(key)?.value === true
  }

  has(key: OptionKey): boolean {
    const value = this.#settings.get(key)?.value
    return value !== undefined && value !== false
  }

  /** Where the option stands, for messages; its flag when it is not set. */
  at(key: OptionKey): string {
    return this.#settings.get(key)?.origin.at ?? flagOf(key)
  }

  origin(key: OptionKey): Origin | undefined {
    return this.#settings.get(key)?.origin
  }

  text(key: OptionKey): string | undefined {
    return this.#settings.get(key)?.text
  }

  /**
   * Options that cannot hold together: the one of the nearest origin stays, the others are dropped; two of the same origin
   * are an error that names both.
   */
  exclude(keys: readonly OptionKey[], why: string): void {
    const set = keys.filter(key => this.has(key))
    const rankOf = (key: OptionKey): number => RANKS.indexOf(this.origin(key)?.rank ?? 'user')
    set.sort((a, b) => rankOf(a) - rankOf(b))
    const [first, second] = set
    if (first === undefined || second === undefined) return
    if (rankOf(first) === rankOf(second)) {
      throw new Fault('MH-USAGE-CONFLICT', `${this.at(first)} and ${this.at(second)} contradict each other: ${why}`)
    }
    for (const key of set.slice(1)) this.#settings.delete(key)
  }

  /** `key` says nothing because of `reason`: an error when it is a flag, dropped when it comes from farther away. */
  refuse(key: OptionKey, reason: string, advice?: string): void {
    const setting = this.#settings.get(key)
    if (!setting || !this.has(key)) return
    if (setting.origin.rank === 'flag') throw new Fault('MH-USAGE-CONFLICT', `${this.at(key)} ${reason}`, advice)
    this.#settings.delete(key)
  }
}

export interface Sources {
  /** As commander gives them: texts, and booleans for switches. */
  readonly flags: Readonly<Record<string, unknown>>
  readonly env: NodeJS.ProcessEnv
  readonly files: readonly { readonly rank: 'project' | 'user'; readonly entries: ReadonlyMap<OptionKey, Entry> }[]
}

export const settle = (command: string, sources: Sources): Settings => {
  const settings = new Map<OptionKey, Setting>()
  for (const key of optionsOf(command)) {
    const candidates: { text: string; origin: Origin }[] = []
    const flag = sources.flags[key]
    if (flag !== undefined) candidates.push({ text: String(flag), origin: { rank: 'flag', at: flagOf(key) } })
    const variable = specOf(key).hidden ? undefined : sources.env[variableOf(key)]
    // An empty variable is how shells say that it is not set.
    if (variable) candidates.push({ text: variable, origin: { rank: 'environment', at: variableOf(key) } })
    for (const { rank, entries } of sources.files) {
      const entry = entries.get(key)
      if (entry) candidates.push({ text: entry.text, origin: { rank, at: entry.at } })
    }
    const [nearest] = candidates
    if (nearest) settings.set(key, { ...nearest, value: parse(key, nearest.text, nearest.origin.at) })
  }
  return new Settings(settings)
}

/** What agents and their workers tell each other, and the Python that an operator wants. */
const OTHER_VARIABLES = ['MANYHANDS_WORKER', 'MANYHANDS_WATCH_PARENT', 'MANYHANDS_PYTHON']

/** Variables that look like an option's and that no option has, each with what to do about it. Empty ones are not set. */
export const unknownVariables = (env: NodeJS.ProcessEnv): string[] => {
  const known = OPTION_KEYS.filter(key => specOf(key).hidden !== true).map(variableOf)
  return Object.keys(env)
    .filter(name => name.startsWith('MANYHANDS_') && env[name] && ![...known, ...OTHER_VARIABLES].includes(name))
    .map(name => `${name} says nothing: there is no such option. ${suggest(name, known)}`.trimEnd())
}

/** The settings of a command as it was started: reads the environment and the config files of this process. */
export const settingsOf = async (
  command: string,
  flags: Readonly<Record<string, unknown>>,
  env: NodeJS.ProcessEnv = process.env,
  cwd: string = process.cwd(),
): Promise<Settings> => {
  const files = []
  for (const { rank, file } of configPlaces(cwd, env)) {
    const document = await readConfig(file)
    if (document) files.push({ rank, entries: entriesOf(document, file, command) })
  }
  return settle(command, { flags, env, files })
}
