export { BanList as List } from './BanList';
