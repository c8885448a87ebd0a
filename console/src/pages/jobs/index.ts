export { JobList as List } from './JobList';
export { JobShow as Show } from './JobShow';
