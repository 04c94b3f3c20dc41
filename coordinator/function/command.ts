// A command as the function of a job: `-- COMMAND [ARG|{}]...`. In: the words after the dashes. Out: a JobFunction that the
// exec runner takes; the words stay as they are, and what {} stands for is the runner's matter.
import { basename } from 'node:path'
import { FunctionError, type JobFunction } from './function.js'

/** With `shell`, the words joined by spaces are one line for the shell. */
export function commandFunction(argv: readonly string[], options: { readonly shell?: boolean } = {}): JobFunction {
  const [command] = argv
  const shell = options.shell ?? false
  if (command === undefined || command.trim() === '') {
    throw new FunctionError(
      'FUNCTION_COMMAND',
      'There is no command after "--". Give one, with {} where the item goes: manyhands map --input urls.txt -- curl -s {}',
    )
  }
  for (const [index, word] of argv.entries()) {
    if (word.includes('\0')) {
      throw new FunctionError(
        'FUNCTION_COMMAND',
        `Word ${index + 1} of the command holds a NUL; no program can take one.`,
      )
    }
  }
  const name = shell ? (command.trim().split(/\s/)[0] as string) : basename(command)
  return { runner: 'exec', name, entry: '', function: '', command: { argv: [...argv], shell } }
}
