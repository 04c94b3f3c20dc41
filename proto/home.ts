// The user's home folder. In: the environment, the system. Out: a path; where the system does not know the user, as in a
// container that runs with a number of its own, that is `/`, as such containers set it.
import { homedir } from 'node:os'

export const homeFolder = (): string => {
  try {
    return homedir()
  } catch {
    return '/'
  }
}
