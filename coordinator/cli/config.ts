// `manyhands config show`: what the options of a command are set to, and by whom. In: environment and config files.
// Out: one line an option on standard output; with --origin where each value stands.
import type { Command } from './command.js'
import { EXIT, Fault } from './fault.js'
import { suggest } from './nearest.js'
import { nameOf, OPTION_KEYS, optionsOf, specOf } from './options.js'
import { settingsOf, withoutSecrets } from './settings.js'

export const config: Command = async ({ settings, operands }) => {
  const [verb = '', command = 'map', extra] = operands
  if (verb !== 'show' || extra !== undefined) {
    throw new Fault(
      'MH-USAGE-VALUE',
      `config ${operands.join(' ')} is not known`,
      'There is: manyhands config show [COMMAND] [--origin]',
    )
  }
  const known = [...new Set(OPTION_KEYS.flatMap(key => specOf(key).commands))]
  if (!known.includes(command)) {
    throw new Fault('MH-USAGE-COMMAND', `unknown command ${command}`, suggest(command, known))
  }
  const theirs = await settingsOf(command, {})
  for (const key of optionsOf(command)) {
    const text = theirs.text(key)
    if (text === undefined) continue
    const shown = withoutSecrets(key, text)
    const from = settings.isOn('origin') ? `  # ${theirs.at(key)}` : ''
    process.stdout.write(`${nameOf(key)} = ${JSON.stringify(shown)}${from}\n`)
  }
  return EXIT.done
}
