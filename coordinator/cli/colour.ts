// Colour, where it is wanted: NO_COLOR, FORCE_COLOR and TERM=dumb are heard, and pipes get none.
import { styleText } from 'node:util'
import { type Paint, plainPaint } from './verdict.js'

export const wantsColour = (isTerminal: boolean, env: NodeJS.ProcessEnv): boolean => {
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false'
  if (env.NO_COLOR) return false
  return isTerminal && env.TERM !== 'dumb'
}

export const paintFor = (stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): Paint =>
  wantsColour(stream.isTTY === true, env)
    ? (style, text) => styleText(style, text, { validateStream: false })
    : plainPaint
