export { BansPage } from './BansPage';
