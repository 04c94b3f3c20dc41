// What handing work over costs on this machine and on clusters, as it was measured before: kept in one small file, so that a
// job knows it before its first shard. In: the file, what was measured anew. Out: Costs. Always true: nothing in it is a
// constant of this code; a file that is corrupt, of another version or of another machine counts as none; it is replaced
// whole or not at all; what cannot be read or written is no failure, since everything can be measured again.
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { cpus, release } from 'node:os'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { homeFolder } from '../proto/home.js'
import { programVersion } from '../proto/program.js'
import type { RunnerName } from '../proto/shard.js'
import type { JobFunction } from './function/function.js'

/** What work costs at one place besides the function itself. Seconds of one slot, unless they say otherwise. */
export interface PlaceCosts {
  /** From the start of a worker until it has loaded a function. */
  readonly startSeconds: number
  /** A job of one item that takes no time, with workers at hand: the round trip of everything. */
  readonly jobSeconds: number
  /** A shard, with others in flight. */
  readonly shardSeconds: number
  /** An item, in a shard with many: a number in, a number out. */
  readonly itemSeconds: number
  /** A byte of an item or a value that is text. */
  readonly byteSeconds: number
  /** The same three of the calling process, for all slots together: more slots do not make these faster. */
  readonly callerShardSeconds: number
  readonly callerItemSeconds: number
  readonly callerByteSeconds: number
  /** How often it was measured: newer figures are mixed with older ones. */
  readonly measurements: number
}

export interface ClusterCosts extends PlaceCosts {
  /** Slots that were there when it was measured. */
  readonly slots: number
  /** What the way to the agents carries, both directions together. */
  readonly bytesPerSecond: number
}

/** A function that was met before. */
export interface FunctionCost {
  /** A hash of its code, its name and its runner: never the code itself. */
  readonly key: string
  readonly itemSeconds: number
  /** Of how many items that is the mean. */
  readonly items: number
}

export interface Costs {
  readonly local: Readonly<Partial<Record<RunnerName, PlaceCosts>>>
  /** By the server's address, without secrets. */
  readonly clusters: Readonly<Record<string, ClusterCosts>>
  /** The newest last. */
  readonly functions: readonly FunctionCost[]
}

export const NO_COSTS: Costs = { local: {}, clusters: {}, functions: [] }

const SCHEMA = 'manyhands.costs/1'
/** Functions and clusters that are remembered; more would make a file that takes longer to read than to measure anew. */
const MOST_FUNCTIONS = 200
const MOST_CLUSTERS = 10

export interface CostsOptions {
  /** Cores that this process may use (agent/slots.ts knows): costs measured under another limit are not ours. */
  readonly cores: number
  /** The file, or `off`; by default what MANYHANDS_COSTS says, else a file in the user's cache folder. */
  readonly file?: string | undefined
  readonly env?: NodeJS.ProcessEnv
}

const fileOf = ({ file, env = process.env }: CostsOptions): string | undefined => {
  const named = file ?? env.MANYHANDS_COSTS
  if (named === 'off') return undefined
  if (named) return resolve(named)
  const caches = env.XDG_CACHE_HOME
  // The XDG rules: a relative path is to be ignored.
  const folder = caches && isAbsolute(caches) ? caches : join(env.HOME || homeFolder(), '.cache')
  return join(folder, 'manyhands', 'costs.json')
}

/** By cores. To ask for the processors takes a millisecond. */
const fingerprints = new Map<number, string>()

/** What makes costs another machine's: processor, cores, Node, kernel, and this package's version. */
const fingerprint = (cores: number): string => {
  const known = fingerprints.get(cores)
  if (known !== undefined) return known
  const all = cpus()
  const parts = [all[0]?.model ?? '?', all.length, cores, process.arch, process.version, release(), programVersion()]
  const made = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)
  fingerprints.set(cores, made)
  return made
}

/** What is remembered; nothing where nothing is, or where it is not this machine's. */
export const readCosts = async (options: CostsOptions): Promise<Costs> => {
  const file = fileOf(options)
  if (file === undefined) return NO_COSTS
  try {
    const kept = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>
    if (kept.schema !== SCHEMA || kept.fingerprint !== fingerprint(options.cores)) return NO_COSTS
    return checked(kept)
  } catch {
    return NO_COSTS
  }
}

const PLACE_FIGURES = [
  ...(['startSeconds', 'jobSeconds', 'shardSeconds', 'itemSeconds', 'byteSeconds'] as const),
  ...(['callerShardSeconds', 'callerItemSeconds', 'callerByteSeconds', 'measurements'] as const),
]
const CLUSTER_FIGURES = [...PLACE_FIGURES, 'slots', 'bytesPerSecond'] as const

const hasFigures = (entry: unknown, names: readonly string[]): boolean =>
  typeof entry === 'object' &&
  entry !== null &&
  names.every(name => {
    const value = (entry as Record<string, unknown>)[name]
    return typeof value === 'number' && Number.isFinite(value) && value >= 0
  })

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Only what is whole is taken over, entry by entry. */
const checked = ({ local, clusters, functions }: Record<string, unknown>): Costs => {
  const whole = (entries: unknown, names: readonly string[]): Record<string, never> =>
    Object.fromEntries(
      Object.entries(isObject(entries) ? entries : {}).filter(([, entry]) => hasFigures(entry, names)),
    ) as Record<string, never>
  const known = Array.isArray(functions) ? functions : []
  return {
    local: whole(local, PLACE_FIGURES),
    clusters: whole(clusters, CLUSTER_FIGURES),
    functions: known.filter(
      entry => hasFigures(entry, ['itemSeconds', 'items']) && typeof (entry as FunctionCost).key === 'string',
    ) as FunctionCost[],
  }
}

/** Replaces what is remembered. Resolves with whether it could be written: nobody fails for it. */
export const writeCosts = async (options: CostsOptions, costs: Costs): Promise<boolean> => {
  const named = fileOf(options)
  if (named === undefined) return false
  // A link stays one.
  const file = await realpath(named).catch(() => named)
  const bounded = {
    schema: SCHEMA,
    fingerprint: fingerprint(options.cores),
    local: costs.local,
    clusters: Object.fromEntries(Object.entries(costs.clusters).slice(-MOST_CLUSTERS)),
    functions: costs.functions.slice(-MOST_FUNCTIONS),
  }
  const part = `${file}.${process.pid}-${randomBytes(4).toString('hex')}`
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    // A device or a folder is nothing to be replaced by a file.
    const there = await stat(file).catch(() => undefined)
    if (there !== undefined && !there.isFile()) return false
    await writeFile(part, `${JSON.stringify(bounded, undefined, 1)}\n`, { mode: 0o600, flag: 'wx' })
    await rename(part, file)
    return true
  } catch {
    await rm(part, { force: true }).catch(() => {})
    return false
  }
}

/** Another process may have learned something meanwhile: what it wrote is read again first. */
export const remember = async (options: CostsOptions, learn: (costs: Costs) => Costs): Promise<void> => {
  await writeCosts(options, learn(await readCosts(options)))
}

/** What a function is remembered by: the same sources, the same key. */
export const functionKey = (fn: JobFunction): string => {
  const hash = createHash('sha256')
  const { runner, entry, function: name, init = '', mapper = '', command, bundle = [] } = fn
  hash.update(JSON.stringify([runner, entry, name, init, mapper, command ?? null]))
  for (const { path, content } of bundle) hash.update(`\n${path} ${content.byteLength}\n`).update(content)
  return hash.digest('hex').slice(0, 32)
}
