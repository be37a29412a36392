"""What Markdown is written with besides CommonMark, each as a plug-in of the parser."""
