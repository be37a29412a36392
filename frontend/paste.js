// The page on which a text is pasted to become an article: see behaviours/paste.js.
import "./behaviours/paste.js";
