// What a user's JavaScript function threw, as a failure, in a worker and in the caller's own process alike. In: anything,
// since anything can be thrown. Out: a message and the stack as JavaScript prints it, with its causes, down to where we
// called the function: what called us says nothing about the item. Never throws itself.
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import type { Failure } from './outcome.js'

const MESSAGE_LIMIT = 4 * 1024
const STACK_LIMIT = 16 * 1024
const MOST_CAUSES = 8
/**
 * The package's own folder; with source maps its frames are named by their sources, which lie in it as well. The modules of the
 * command are joined in coordinator/command.
 */
const OWN_FOLDER = fileURLToPath(new URL('../../', import.meta.url))
const OWN_LOOP = new RegExp(
  `${OWN_FOLDER.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(dist/)?(agent/runner/|coordinator/(inline|command)/|proto/loop\\.)`,
)

const cut = (text: string, limit: number): string => (text.length > limit ? `${text.slice(0, limit)}…` : text)

const isOwn = (line: string): boolean => /^\s+at /.test(line) && /\(?node:internal\//.test(line)

/** The loop that calls the function. */
const isOurs = (line: string): boolean => /^\s+at /.test(line) && OWN_LOOP.test(line)

/** Node's own frames below the function are how the runner was called, which no two runs need agree on. */
const isOfNode = (line: string): boolean => /^\s+at (.* \()?node:/.test(line)

const withoutOwnFrames = (stack: string): string => {
  const all = stack.split('\n')
  const called = all.findIndex(isOurs)
  const lines = (called === -1 ? all : all.slice(0, called)).filter(line => !isOwn(line))
  while (isOfNode(lines.at(-1) ?? '')) lines.pop()
  return lines.join('\n')
}

const stackOf = (error: Error): string => {
  const stacks: string[] = []
  let each: unknown = error
  for (let depth = 0; each !== undefined && each !== null && depth < MOST_CAUSES; depth++) {
    const stack = each instanceof Error ? (each.stack ?? String(each)) : inspect(each, { depth: 2 })
    stacks.push(withoutOwnFrames(stack))
    each = each instanceof Error ? each.cause : undefined
  }
  return stacks.join('\nCaused by: ')
}

const messageOf = (error: Error): string =>
  error.name === 'Error' ? error.message || 'Error' : error.message ? `${error.name}: ${error.message}` : error.name

/** The failure of an item whose call threw `thrown`. */
export const failureOf = (thrown: unknown): Failure => {
  try {
    if (!(thrown instanceof Error))
      return { reason: 'error', message: cut(`threw ${inspect(thrown, { depth: 2 })}`, MESSAGE_LIMIT) }
    const message = cut(messageOf(thrown), MESSAGE_LIMIT)
    try {
      return { reason: 'error', message, stack: cut(stackOf(thrown), STACK_LIMIT) }
    } catch {
      // A getter of its own.
      return { reason: 'error', message }
    }
  } catch {
    return { reason: 'error', message: 'threw something that cannot be described' }
  }
}
