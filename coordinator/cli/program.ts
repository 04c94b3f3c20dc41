// From the command line to a command's code: builds commander's program out of the tables, turns its complaints into
// faults, and loads the one command that is asked for.
// In: the arguments of the process. Out: an exit code. Always true: help never imports a command.
import { Command as Commander, CommanderError, Option } from 'commander'
import { COMMANDS, type CommandSpec } from './commands.js'
import { EXIT, Fault } from './fault.js'
import { suggest } from './nearest.js'
import { flagOf, type OptionKey, optionsOf, specOf } from './options.js'

const exampleText = (examples: readonly string[]): string =>
  `\n${examples.length > 1 ? 'Examples' : 'Example'}:\n${examples.map(line => `  ${line}`).join('\n')}`

const addOption = (command: Commander, key: OptionKey): void => {
  const { value, help, short, hidden } = specOf(key)
  const flags = `${short === undefined ? '' : `${short}, `}${flagOf(key)}`
  const option = new Option(value === undefined ? flags : `${flags} <${value}>`, help)
  command.addOption(hidden ? option.hideHelp() : option)
  // So that a flag can undo what a config file switches on.
  if (value === undefined && !hidden) command.addOption(new Option(`--no-${flagOf(key).slice(2)}`).hideHelp())
}

const addCommand = (
  program: Commander,
  spec: CommandSpec,
  rest: string[] | undefined,
  done: (code: number) => void,
) => {
  const command = program.command(spec.name).summary(spec.summary).description(sentence(spec.summary)).usage(spec.usage)
  for (const { name, help } of spec.operands) command.argument(name, help)
  for (const key of optionsOf(spec.name)) addOption(command, key)
  command.addHelpText('after', exampleText(spec.examples))
  command.action(async () => {
    const [{ settingsOf, unknownVariables }, run] = await Promise.all([import('./settings.js'), spec.load()])
    const settings = await settingsOf(spec.name, command.opts())
    for (const what of unknownVariables(process.env)) process.stderr.write(`manyhands: ${what}\n`)
    done(await run({ settings, operands: command.args, rest }))
  })
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`

const ABOUT =
  'Pool.map for every core you can reach: calls a function once for each of many items, on all cores of this machine or of every machine that has joined a NATS server.'
const HELP_AFTER = `${exampleText([
  'manyhands map Math.sqrt --range 10..5_000_000 --output roots.f64',
  'manyhands map slow.py#score --input rows.jsonl --tagged',
  'manyhands map --input urls.txt -- curl -sS {}',
])}

Every option can also stand in the environment (MANYHANDS_SLOTS=4), in manyhands.toml, and in
~/.config/manyhands/config.toml (slots = 4). manyhands COMMAND --help shows a command's options.`

export const buildProgram = (version: string, rest: string[] | undefined, done: (code: number) => void): Commander => {
  const program = new Commander('manyhands')
    .description(ABOUT)
    .usage('COMMAND [options]')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .configureHelp({ subcommandTerm: command => command.name() })
    .addHelpText('after', HELP_AFTER)
    .showSuggestionAfterError(false)
    .configureOutput({ outputError: () => {} })
    .exitOverride()
  for (const spec of COMMANDS) addCommand(program, spec, rest, done)
  return program
}

/** What commander complains about, as a fault that names the nearest known name. */
const faultOfUsage = (error: CommanderError, args: readonly string[]): Fault => {
  const message = error.message.replace(/^error: /, '').replace(/\.$/, '')
  const spec = COMMANDS.find(({ name }) => name === args[0])
  const quoted = /'([^']+)'/.exec(message)?.[1] ?? ''
  const more = `manyhands ${spec ? `${spec.name} ` : ''}--help shows what there is.`
  if (error.code === 'commander.unknownCommand') {
    const names = COMMANDS.map(({ name }) => name)
    return new Fault('MH-USAGE-COMMAND', `unknown command ${quoted}`, `${suggest(quoted, names)} ${more}`)
  }
  if (error.code === 'commander.unknownOption') {
    const known = spec ? optionsOf(spec.name).filter(key => !specOf(key).hidden) : []
    const flags = [...known.map(flagOf), '--help', ...(spec ? [] : ['--version'])]
    const of = spec ? ` of manyhands ${spec.name}` : ''
    return new Fault('MH-USAGE-OPTION', `unknown option ${quoted}${of}`, `${suggest(quoted, flags)} ${more}`)
  }
  if (error.code === 'commander.optionMissingArgument' || error.code === 'commander.missingArgument') {
    return new Fault('MH-USAGE-MISSING', message.replaceAll("'", ''), more)
  }
  return new Fault('MH-USAGE-VALUE', message.replaceAll("'", ''), more)
}

/** Runs the command line `args`; resolves with the exit code. Errors of usage reject with a Fault. */
export const runProgram = async (args: readonly string[], version: string): Promise<number> => {
  // What stands behind `--` is the user's: commander is not to look for options in it.
  const dashes = args.indexOf('--')
  const own = dashes < 0 ? args : args.slice(0, dashes)
  let code: number = EXIT.done
  const program = buildProgram(version, dashes < 0 ? undefined : args.slice(dashes + 1), ended => {
    code = ended
  })
  try {
    await program.parseAsync([...own], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (['commander.helpDisplayed', 'commander.version'].includes(error.code)) return EXIT.done
    if (error.code === 'commander.help') return EXIT.usage
    throw faultOfUsage(error, own)
  }
  return code
}
