// What map, reduce and run have in common: from settings to a function, its data and the job's options. In: checked settings, what
// stands on the command line. Out: the pieces of a JobRequest. Always true: what is missing or contradicts itself is a
// usage error that names both, before anything is opened or started.
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { dirname, extname, resolve } from 'node:path'
import type { JobFunction } from '../function/function.js'
import { JOB_DEFAULTS, type JobOptions, type Shared } from '../job.js'
import { Fault, faultOf, messageOf } from './fault.js'
import type { Settings } from './settings.js'

export interface Named {
  readonly operands: readonly string[]
  readonly rest: readonly string[] | undefined
}

/** The function that the command line names: a reference, or a command behind `--`. */
export const functionOf = async (settings: Settings, { operands, rest }: Named): Promise<JobFunction> => {
  const [reference, extra] = operands
  if (rest !== undefined) {
    if (reference !== undefined) {
      throw new Fault(
        'MH-USAGE-CONFLICT',
        `both a function (${reference}) and a command (-- ${rest.join(' ')}) are given`,
        'Give one of them.',
      )
    }
    if (rest.length === 0)
      throw new Fault('MH-USAGE-MISSING', 'there is no command behind --', 'For instance: -- wc -l {}')
    settings.refuse('init', 'says nothing with a command behind --: only functions have an init')
    const { commandFunction } = await import('../function/command.js')
    return attempt(() => commandFunction(rest, { shell: settings.isOn('shell') }), 'MH-FUNCTION')
  }
  if (reference === undefined) {
    throw new Fault(
      'MH-USAGE-MISSING',
      'there is no function',
      'Give file.ts#name, file.js#name, file.py#name, a built-in such as Math.sqrt, or -- COMMAND.',
    )
  }
  if (extra !== undefined) {
    throw new Fault(
      'MH-USAGE-VALUE',
      `there is more than one function: ${operands.join(' ')}`,
      'Items come from --input, --range or --glob; a command stands behind --.',
    )
  }
  settings.refuse('shell', 'says nothing without a command behind --')
  return referenced(settings, reference)
}

/** The function behind `file.ts#name`, with its init and mapper; or a built-in by its name. */
export const referenced = async (settings: Settings, reference: string): Promise<JobFunction> => {
  const builtIn = await builtInNamed(reference)
  if (builtIn !== undefined) {
    for (const key of ['init', 'map'] as const)
      settings.refuse(key, `says nothing with the built-in ${builtIn}: it names an export of the function's file`)
    return { runner: 'node', name: builtIn, entry: '', function: builtIn }
  }
  const { resolveReference } = await import('../function/reference.js')
  const init = settings.get('init')
  const mapper = settings.get('map')
  const names = { ...(init === undefined ? {} : { init }), ...(mapper === undefined ? {} : { mapper }) }
  const onWarning = (message: string): void => {
    process.stderr.write(`manyhands: ${message}\n`)
  }
  return attempt(() => resolveReference(reference, { cwd: process.cwd(), onWarning, ...names }), 'MH-FUNCTION')
}

const SOURCE = /\.(py|[cm]?[jt]sx?)$/

/** `Math.sqr`: its owner is there. */
const noBuiltIn = async (reference: string, owner: unknown): Promise<Fault> => {
  const { suggest } = await import('./nearest.js')
  const path = reference.slice(0, reference.lastIndexOf('.'))
  const functions = Object.getOwnPropertyNames(owner).filter(
    // Not what a getter gives: some throw.
    name => typeof Object.getOwnPropertyDescriptor(owner, name)?.value === 'function',
  )
  const advice = suggest(
    reference,
    functions.map(name => `${path}.${name}`),
  )
  return new Fault(
    'MH-FUNCTION-REFERENCE',
    `${path} has no function ${reference.slice(path.length + 1)}`,
    advice || undefined,
  )
}

/** The path of a function that every JavaScript worker has, such as Math.sqrt; a file of that name comes first. */
const builtInNamed = async (reference: string): Promise<string | undefined> => {
  if (!/^[\w$]+(\.[\w$]+)*$/.test(reference) || existsSync(reference)) return undefined
  let owner: unknown
  let found: unknown = globalThis
  for (const name of reference.split('.')) {
    owner = found
    found = (found as Record<string, unknown> | null | undefined)?.[name]
  }
  if (typeof found !== 'function') {
    if (owner !== undefined && owner !== null && owner !== globalThis && !SOURCE.test(reference))
      throw await noBuiltIn(reference, owner)
    return undefined
  }
  const { builtInPath } = await import('../function/built-in.js')
  const fn = found as (...args: never[]) => unknown
  return attempt(() => builtInPath(fn), 'MH-FUNCTION')
}

/** Runs a step; what it throws gets the step's code. */
export const attempt = async <T>(
  step: () => T | Promise<T>,
  code: 'MH-FUNCTION' | 'MH-INPUT' | 'MH-OUTPUT',
): Promise<T> => {
  try {
    return await step()
  } catch (error) {
    throw faultOf(error, code)
  }
}

/** What init is given. */
export const sharedOf = (settings: Settings): Shared | undefined => {
  const file = settings.get('shared')
  if (file === undefined) return undefined
  if (!settings.has('init')) {
    if (settings.origin('shared')?.rank !== 'flag') return undefined
    throw new Fault(
      'MH-USAGE-MISSING',
      '--shared is given, but --init is missing: shared data is what init is called with',
      "Add --init NAME, an export of the function's file.",
    )
  }
  let content: Buffer
  try {
    content = readFileSync(file)
  } catch (error) {
    throw new Fault('MH-INPUT', `cannot read ${settings.at('shared')} ${file}: ${messageOf(error)}`, undefined, error)
  }
  if (extname(file).toLowerCase() !== '.json') return { kind: 'bytes', content }
  return { kind: 'json', content: jsonLine(content, file) }
}

/** One JSON text on one line: line feeds only ever stand between tokens. */
const jsonLine = (content: Buffer, file: string): Buffer => {
  const text = content.toString('utf8').replace(/^\uFEFF/, '')
  try {
    JSON.parse(text)
  } catch (error) {
    throw new Fault(
      'MH-INPUT',
      `${file} is not JSON: ${messageOf(error)}`,
      'Another extension than .json hands over the bytes of the file.',
      error,
    )
  }
  return Buffer.from(text.replace(/[\r\n]+/g, ' ').trim())
}

/** The options of a job, defaults filled in; checks those that contradict each other. */
export const jobOptionsOf = (settings: Settings): JobOptions => {
  if (settings.get('onError') === 'stop') {
    settings.exclude(['onError', 'maxFailures'], '--on-error stop ends at the first failure')
  }
  const shardSize = settings.get('shardSize')
  const timeoutSeconds = settings.get('timeout')
  const maxFailures = settings.get('maxFailures')
  const concurrency = settings.get('concurrency')
  const [weight, priority, maxSlots] = (['weight', 'priority', 'maxSlots'] as const).map(key => settings.get(key))
  const needs = settings.get('needs')
  return {
    ...(weight === undefined ? {} : { weight }),
    ...(priority === undefined ? {} : { priority }),
    ...(maxSlots === undefined ? {} : { maxSlots }),
    ...(needs === undefined ? {} : { needs }),
    ...(shardSize === undefined ? {} : { shardSize }),
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
    ...(maxFailures === undefined ? {} : { maxFailures }),
    ...(concurrency === undefined || concurrency === 'auto' ? {} : { concurrency }),
    retries: settings.get('retries') ?? JOB_DEFAULTS.retries,
    onError: settings.get('onError') ?? JOB_DEFAULTS.onError,
    speculation: settings.get('speculation') ?? JOB_DEFAULTS.speculation,
    unordered: settings.isOn('unordered'),
    memoryBytes: settings.get('memory') ?? JOB_DEFAULTS.memoryBytes,
  }
}

/** Each file has one part in a job: the receipt would replace the values, and an input be emptied to make room for them. */
export const checkFiles = (settings: Settings): void => {
  const [input, output, receipt] = (['input', 'output', 'receipt'] as const).map(key => settings.get(key))
  if (output === undefined || output === '-') return
  const part = `${resolve(output)}.part`
  if (receipt !== undefined && resolve(receipt) === resolve(output)) {
    throw new Fault(
      'MH-USAGE-CONFLICT',
      `${settings.at('output')} and ${settings.at('receipt')} are the same file, ${receipt}`,
    )
  }
  if (input !== undefined && resolve(input) === part) {
    throw new Fault(
      'MH-USAGE-CONFLICT',
      `${settings.at('input')} is ${input}, where ${settings.at('output')} ${output} is written until it is whole`,
      'Give either another name.',
    )
  }
}

/** The file that the receipt goes to; it must be writable before hours are spent. */
export const receiptFileOf = (settings: Settings): string | undefined => {
  const file = settings.get('receipt')
  if (file === undefined) return undefined
  if (extname(file).toLowerCase() !== '.json') {
    throw new Fault('MH-USAGE-VALUE', `${settings.at('receipt')} is ${file}; expected a file that ends in .json`)
  }
  try {
    accessSync(dirname(file), constants.W_OK)
  } catch (error) {
    throw new Fault(
      'MH-RECEIPT',
      `the folder of ${settings.at('receipt')} ${file} cannot be written: ${messageOf(error)}`,
      undefined,
      error,
    )
  }
  return file
}
