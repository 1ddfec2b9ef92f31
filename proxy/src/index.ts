export { type Gateway, type ListeningAddress, startGateway } from './gateway.js'
