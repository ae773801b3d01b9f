// What a style sheet or an icon is in the tests.
export default '';
