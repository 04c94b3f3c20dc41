import test from 'ava'
import * as workers from '../../../agent/runner/environment.js'
import { type Entry, entriesOf } from '../../../coordinator/cli/config-files.js'
import { Fault } from '../../../coordinator/cli/fault.js'
import { flagOf, nameOf, OPTION_KEYS, type OptionKey, variableOf } from '../../../coordinator/cli/options.js'
import { type Settings, settle, unknownVariables } from '../../../coordinator/cli/settings.js'

const file = (rank: 'project' | 'user', document: Record<string, unknown>, command = 'map') => ({
  rank,
  entries: entriesOf(document, `${rank}.toml`, command) as ReadonlyMap<OptionKey, Entry>,
})

const faultOf = (run: () => unknown): Fault => {
  try {
    run()
  } catch (error) {
    if (error instanceof Fault) return error
    throw error
  }
  throw new Error('nothing was wrong')
}

test('a flag comes before the environment, that before the project file, that before the user file', t => {
  const sources = {
    flags: { slots: '1' },
    env: { MANYHANDS_SLOTS: '2', MANYHANDS_RETRIES: '2' },
    files: [file('project', { slots: 3, retries: 3, timeout: '3s' }), file('user', { timeout: 4, 'shard-size': 4 })],
  }
  const settings = settle('map', sources)
  t.is(settings.get('slots'), 1)
  t.is(settings.get('retries'), 2)
  t.is(settings.get('timeout'), 3)
  t.is(settings.get('shardSize'), 4)
  t.is(settings.get('memory'), undefined)
  t.is(settings.at('slots'), '--slots')
  t.is(settings.at('retries'), 'MANYHANDS_RETRIES')
  t.is(settings.at('timeout'), 'timeout in project.toml')
  t.is(settings.at('shardSize'), 'shard-size in user.toml')
})

test("a command's own table in a file is nearer than the top of the same file", t => {
  const files = [file('user', { slots: 2, map: { slots: 5 }, agent: { slots: 7 } })]
  t.is(settle('map', { flags: {}, env: {}, files }).get('slots'), 5)
  t.is(settle('map', { flags: {}, env: {}, files }).at('slots'), 'slots in [map] of user.toml')
  t.is(settle('reduce', { flags: {}, env: {}, files: [file('user', { slots: 2 }, 'reduce')] }).get('slots'), 2)
})

test('an empty variable is none, and a flag can undo a switch', t => {
  const settings = settle('map', {
    flags: { quiet: false },
    env: { MANYHANDS_QUIET: '1', MANYHANDS_SLOTS: '', MANYHANDS_JSON: 'yes' },
    files: [],
  })
  t.false(settings.isOn('quiet'))
  t.true(settings.isOn('json'))
  t.is(settings.get('slots'), undefined)
})

test('a wrong value is an error that says where it stands and what was expected', t => {
  const wrong = (env: NodeJS.ProcessEnv, document: Record<string, unknown> = {}) =>
    faultOf(() => settle('map', { flags: {}, env, files: [file('project', document)] }))
  t.is(wrong({ MANYHANDS_SLOTS: 'x' }).message, 'MANYHANDS_SLOTS is "x"; expected a whole number of 1 or more')
  t.regex(wrong({}, { timeout: 'soon' }).message, /^timeout in project\.toml is "soon"; expected a duration/)
  t.regex(wrong({ MANYHANDS_PLACE: 'moon' }).message, /expected one of auto, inline, local, cluster$/)
  t.is(wrong({ MANYHANDS_SLOTS: 'x' }).exitCode, 2)
})

test('an unknown key or table of a config file names the nearest known one', t => {
  const wrong = (document: Record<string, unknown>) => faultOf(() => entriesOf(document, 'manyhands.toml', 'map'))
  const key = wrong({ slot: 3 })
  t.is(key.code, 'MH-CONFIG-KEY')
  t.is(key.message, 'unknown key slot in manyhands.toml')
  t.is(key.advice, 'Did you mean slots?')
  const table = wrong({ mpa: {} })
  t.is(table.message, 'unknown table [mpa] in manyhands.toml')
  t.is(table.advice, 'Did you mean [map]?')
  t.is(wrong({ agent: { tagged: true } }).message, 'unknown key tagged in [agent] of manyhands.toml')
  t.regex(wrong({ slots: [1] }).message, /slots in manyhands\.toml is a list/)
  t.is(wrong({ __proto__x: 1 }).code, 'MH-CONFIG-KEY')
})

test('options that exclude each other: the nearer origin holds, the same origin is an error that names both', t => {
  const given = (flags: Record<string, unknown>, env: NodeJS.ProcessEnv): Settings =>
    settle('map', { flags, env, files: [] })
  const settings = given({ input: 'a.txt' }, { MANYHANDS_RANGE: '0..3' })
  settings.exclude(['range', 'input', 'glob'], 'one input')
  t.is(settings.get('input'), 'a.txt')
  t.is(settings.get('range'), undefined)
  const both = faultOf(() => given({ input: 'a', range: '0..3' }, {}).exclude(['range', 'input'], 'one input'))
  t.is(both.code, 'MH-USAGE-CONFLICT')
  t.regex(both.message, /--range and --input contradict each other: one input/)
})

test('an option that says nothing is an error as a flag, and dropped from farther away', t => {
  const flag = settle('map', { flags: { format: 'csv' }, env: {}, files: [] })
  t.is(faultOf(() => flag.refuse('format', 'says nothing')).message, '--format says nothing')
  const env = settle('map', { flags: {}, env: { MANYHANDS_FORMAT: 'csv' }, files: [] })
  env.refuse('format', 'says nothing')
  t.false(env.has('format'))
})

test('every option has one flag, one variable and one config key of its own', t => {
  for (const names of [OPTION_KEYS.map(flagOf), OPTION_KEYS.map(variableOf), OPTION_KEYS.map(nameOf)]) {
    t.is(new Set(names).size, OPTION_KEYS.length)
  }
  t.is(flagOf('maxFailures'), '--max-failures')
  t.is(variableOf('maxFailures'), 'MANYHANDS_MAX_FAILURES')
})

test('a variable that looks like an option and is none is told of, with the one that was meant', t => {
  t.deepEqual(unknownVariables({ MANYHANDS_SLOT: '4', PATH: '/bin', MANYHANDS_SLOTS: '4', MANYHANDS_: '' }), [
    'MANYHANDS_SLOT says nothing: there is no such option. Did you mean MANYHANDS_SLOTS?',
  ])
  const ours = Object.values(workers).filter(value => typeof value === 'string')
  t.true(ours.length >= 3)
  t.deepEqual(unknownVariables(Object.fromEntries(ours.map(name => [name, '1']))), [])
})
