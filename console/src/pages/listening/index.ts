export { ListeningPage } from './ListeningPage';
